"""The demonstration: two gateways, a host behind each, traffic through the tunnel."""
