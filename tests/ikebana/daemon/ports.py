"""UDP ports of the loopback that nobody uses."""

import socket


def free_ports(*addresses: str) -> tuple[int, int]:
    """Return two ports that are free on all of these addresses."""
    found: list[int] = []
    while len(found) < 2:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        if port not in found and all(_is_free(one, port) for one in addresses):
            found.append(port)
    return found[0], found[1]


def _is_free(address: str, port: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.bind((address, port))
        except OSError:
            return False
    return True
