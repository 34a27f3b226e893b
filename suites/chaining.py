"""Block ciphers in CBC mode without a MAC: what protects IKEv1's messages (RFC 2409 appendix B).

The IV is not sent: it is computed, or it is the last block of the message before.  Nothing here
tells whether a message is authentic; IKEv1 has a HASH payload for that, inside.
"""

from dataclasses import dataclass

from cryptography.hazmat.primitives.ciphers import BlockCipherAlgorithm, Cipher, modes

from suites.encr import Encr
from suites.paired import Cbc


@dataclass(frozen=True, slots=True)
class Chained:
    """One key of one block cipher.

    Each call makes a context, some 10 us: IKEv1 has a message now and then, and each has an IV of
    its own.  ValueError when IV or text are not whole blocks.
    """

    algorithm: BlockCipherAlgorithm

    @property
    def block(self) -> int:
        """Return the octets of a block, and of an IV."""
        return self.algorithm.block_size // 8

    def encrypt(self, iv: bytes, plain: bytes) -> bytes:
        """Return the ciphertext, as long as the plaintext; its last block is the next IV."""
        context = Cipher(self.algorithm, modes.CBC(iv)).encryptor()
        return context.update(plain) + context.finalize()

    def decrypt(self, iv: bytes, sealed: bytes) -> bytes:
        """Return the plaintext, as long as the ciphertext, whoever has made it."""
        context = Cipher(self.algorithm, modes.CBC(iv)).decryptor()
        return context.update(sealed) + context.finalize()


def can_chain(encr: Encr) -> bool:
    """Tell whether a row can protect IKEv1's messages: whether it is a block cipher in CBC mode."""
    return isinstance(encr.cipher, Cbc)


def chained(encr: Encr, key: bytes) -> Chained:
    """Return the cipher of a row under a key of ``encr.key`` octets.

    ValueError when the key is of another length or the row cannot chain.
    """
    if not isinstance(encr.cipher, Cbc):
        raise ValueError(f"{encr.name} is no block cipher in CBC mode")
    if len(key) != encr.key:
        raise ValueError(f"{encr.name} takes {encr.key} octets of key, not {len(key)}")
    return Chained(encr.cipher.algorithm(key))
