"""Traffic selectors, flows and the security policy database (RFC 4301 section 4.4)."""
