"""SM4 in Galois/counter mode and HMAC-SM3: GB/T 32907, GB/T 32905.

No RFC says how ESP and IKE use them.  What is done here is what the RFCs say of their likes:
SM4-GCM as RFC 4106 has AES-GCM, HMAC-SM3 as RFC 4868 has HMAC-SHA-256.
"""

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers import Cipher, modes
from cryptography.hazmat.primitives.ciphers.algorithms import SM4
from cryptography.hazmat.primitives.hashes import SM3
from cryptography.hazmat.primitives.hmac import HMAC

from suites.sealers import IntegrityError, Sealer

_IV = 8
_ICV = 16


class Sm4Gcm:
    """Combine encryption and authentication, 8-octet IV counted up.

    Slow: the library has no whole-message door to SM4-GCM, so each packet makes a context, some
    10 us.  The nonce is salt and IV; an upper half goes into the header, as with AES-GCM.
    """

    __slots__ = ("_cipher", "_salt")
    block = 4
    overhead = _IV + _ICV

    def __init__(self, key: bytes, salt: bytes) -> None:
        self._cipher = SM4(key)
        self._salt = salt

    def seal(self, header: bytes, plain: bytes, counter: int, seq_hi: bytes = b"") -> bytes:
        """Return IV, ciphertext and ICV."""
        iv = counter.to_bytes(_IV, "big")
        context = Cipher(self._cipher, modes.GCM(self._salt + iv)).encryptor()
        context.authenticate_additional_data(b"".join((header[:4], seq_hi, header[4:])))
        sealed = context.update(plain) + context.finalize()
        return b"".join((iv, sealed, context.tag))

    def seal_with_iv(self, header: bytes, plain: bytes, iv: bytes, seq_hi: bytes = b"") -> bytes:
        """Return IV, ciphertext and ICV for an IV of the caller's choice (8 octets)."""
        if len(iv) != _IV:
            raise ValueError(f"an IV of {_IV} octets is needed, not {len(iv)}")
        return self.seal(header, plain, int.from_bytes(iv, "big"), seq_hi)

    def open(self, header: bytes, sealed: bytes, seq_hi: bytes = b"") -> bytes:
        """Return the plaintext, or raise :exc:`IntegrityError`."""
        if len(sealed) < self.overhead:
            raise IntegrityError("shorter than IV and ICV")
        iv, body, icv = bytes(sealed[:_IV]), sealed[_IV:-_ICV], bytes(sealed[-_ICV:])
        context = Cipher(self._cipher, modes.GCM(self._salt + iv, icv)).decryptor()
        context.authenticate_additional_data(b"".join((header[:4], seq_hi, header[4:])))
        try:
            return context.update(body) + context.finalize()
        except InvalidTag:
            raise IntegrityError("ICV mismatch") from None


def sm4_gcm(keymat: bytes) -> Sealer:
    """Make an SM4-GCM sealer from key and 4-octet salt."""
    return Sm4Gcm(keymat[:-4], keymat[-4:])


def hmac_sm3(key: bytes, text: bytes) -> bytes:
    """Return HMAC-SM3 of a key of any length, 32 octets."""
    mac = HMAC(key, SM3())
    mac.update(text)
    return mac.finalize()
