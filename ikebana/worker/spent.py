"""Keys that have sealed: none of them may begin anew.

Sequence numbers, and with them the nonces of AES-GCM, start at 1 with each SA.  The same key twice
is the same nonce twice, and gives the key away (NIST SP 800-38D section 8).  The daemon never
installs a key twice; that this holds is too dear to hang on one side alone.
"""

import hashlib
from typing import Final

from ikebana.worker.messages import Install

_MOST: Final = 1 << 16  # SAs: at one rekey an hour for each of 1,000 tunnels nearly three days


class Spent:
    """Remembers keys by their digests, the newest ones."""

    def __init__(self) -> None:
        self._digests: dict[bytes, None] = {}

    def is_new(self, message: Install) -> bool:
        """Tell whether an outbound key was never here before, and remember it."""
        keys = (message.encr, message.integ, message.outbound_encr, message.outbound_integ)
        parts = [key if isinstance(key, bytes) else key.encode() for key in keys]
        sizes = b"".join(len(part).to_bytes(4, "big") for part in parts)
        digest = hashlib.sha256(sizes + b"".join(parts)).digest()
        if digest in self._digests:
            return False
        if len(self._digests) >= _MOST:
            del self._digests[next(iter(self._digests))]
        self._digests[digest] = None
        return True
