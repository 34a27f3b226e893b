"""The daemon: connections, endpoints, sockets and timers on one event loop."""
