"""Every algorithm: one table row each (RFC 8221, RFC 8247)."""
