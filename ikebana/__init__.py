"""The gateway: configuration, daemon, packet worker, control socket, command line."""
