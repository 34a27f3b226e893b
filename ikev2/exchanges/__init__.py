"""One class for each exchange under way (RFC 7296 section 1)."""
