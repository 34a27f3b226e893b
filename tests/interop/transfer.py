"""Send or receive octets over TCP and print their SHA-256; a program for a host's namespace.

python transfer.py send ADDRESS PORT OCTETS
python transfer.py receive ADDRESS PORT
"""

import hashlib
import random
import socket
import sys

PIECE = 1 << 20


def send(address: str, port: int, octets: int) -> str:
    """Send that many octets, no two MiB alike; return their SHA-256."""
    digest = hashlib.sha256()
    made = random.Random(address).randbytes(PIECE)  # noqa: S311 - nothing secret
    with socket.create_connection((address, port), timeout=30) as sock:
        for at in range(0, octets, PIECE):
            piece = (at.to_bytes(8, "big") + made[8:])[: octets - at]
            digest.update(piece)
            sock.sendall(piece)
    return digest.hexdigest()


def receive(address: str, port: int) -> str:
    """Take one connection; return the SHA-256 of all that comes."""
    digest = hashlib.sha256()
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.create_server((address, port), family=family) as server:
        print("listening", flush=True)
        sock, _ = server.accept()
        with sock:
            while piece := sock.recv(PIECE):
                digest.update(piece)
    return digest.hexdigest()


if __name__ == "__main__":
    verb, to, number, *rest = sys.argv[1:]
    print(send(to, int(number), int(rest[0])) if verb == "send" else receive(to, int(number)))
