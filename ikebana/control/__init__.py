"""The control socket: what it says, the server in the daemon, the client in the CLI."""
