"""One TOML file: read, checked all at once, compiled to what the daemon works from."""
