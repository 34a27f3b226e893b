"""The kernel: TUN device, sockets, routes, namespaces."""
