"""The packet worker: its own process between the TUN device and the ESP sockets."""
