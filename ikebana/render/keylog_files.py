"""Wireshark's key tables on disk: SECRET, for the owner only, written only when asked for.

``WIRESHARK_CONFIG_DIR=DIR wireshark capture.pcap`` reads them where they are.
"""

import os
import stat
from collections.abc import Sequence
from typing import Final

from ikebana.render.keylog import (
    ESP_TABLE,
    IKE_TABLE,
    IKEV1_TABLE,
    esp_lines,
    ike_lines,
    ikev1_lines,
    is_ikev1,
)
from ikecore.child import ChildSpec
from ikecore.trace import KeysDerived

_HEAD: Final = "# keys of IPsec SAs, for Wireshark: SECRET\n"
_FLAGS: Final = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC


class KeyLogError(Exception):
    """The directory or a file in it is not fit to hold keys; the text says why."""


class KeyLog:
    """Append to the three tables in ``folder``, made with mode 0700 and its files with 0600.

    Raises :exc:`KeyLogError` for a directory that others may enter, a file that is not ours, or
    one that cannot be opened.  A line is written at once and whole.
    """

    def __init__(self, folder: str | os.PathLike[str]) -> None:
        self._folder = os.fspath(folder)
        self._files: dict[str, int] = {}
        try:
            self._enter()
            for table in (IKE_TABLE, IKEV1_TABLE, ESP_TABLE):
                self._files[table] = self._open(table)
        except OSError as error:
            self.close()
            raise KeyLogError(f"{error.filename or folder}: {error.strerror}") from error
        except KeyLogError:
            self.close()
            raise

    def ike(self, record: KeysDerived) -> None:
        """Write an IKE SA's keys.  Raises OSError when the disk does not take them."""
        if is_ikev1(record):
            self._write(IKEV1_TABLE, ikev1_lines(record))
        else:
            self._write(IKE_TABLE, ike_lines(record))

    def esp(self, spec: ChildSpec) -> None:
        """Write a CHILD_SA's keys.  Raises OSError when the disk does not take them."""
        self._write(ESP_TABLE, esp_lines(spec))

    def close(self) -> None:
        """Close the files."""
        for file in self._files.values():
            os.close(file)
        self._files.clear()

    def _write(self, table: str, lines: Sequence[str]) -> None:
        if table in self._files:
            os.write(self._files[table], "".join(f"{line}\n" for line in lines).encode())

    def _enter(self) -> None:
        try:
            os.mkdir(self._folder, mode=0o700)
        except FileExistsError:
            found = os.stat(self._folder)
            if not stat.S_ISDIR(found.st_mode):
                raise KeyLogError(f"{self._folder}: not a directory") from None
            if found.st_uid != os.geteuid() or found.st_mode & 0o077:
                raise KeyLogError(
                    f"{self._folder}: others may enter it, keys may not: chmod 700 it, "
                    "or name a directory that does not exist yet"
                ) from None

    def _open(self, table: str) -> int:
        file = os.open(os.path.join(self._folder, table), _FLAGS, 0o600)
        found = os.fstat(file)
        if not stat.S_ISREG(found.st_mode) or found.st_uid != os.geteuid():
            os.close(file)
            raise KeyLogError(f"{self._folder}/{table}: not a file of ours")
        os.fchmod(file, 0o600)
        if not found.st_size:
            os.write(file, _HEAD.encode())
        return file
