"""One class for each role in each exchange (RFC 2409 section 5)."""
