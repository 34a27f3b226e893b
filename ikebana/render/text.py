"""Foreign text on a terminal: nothing from a peer or a file may move the cursor or hide itself."""

from typing import Final

_LIMIT: Final = 4000  # characters of one text; a line of the log is far shorter


def clean(text: str) -> str:
    r"""Return ``text`` with what is not printable as ``\x1b``, ``\u202e``.

    Control characters (C0, C1, DEL), line breaks, bidirectional overrides, zero-width and
    unassigned characters, surrogates: everything that :meth:`str.isprintable` denies.
    """
    if len(text) > _LIMIT:
        text = text[: _LIMIT - 1] + "…"
    if text.isprintable():
        return text
    return "".join(one if one.isprintable() else _escaped(one) for one in text)


def fit(text: str, width: int) -> str:
    """Return the cleaned text in at most ``width`` characters, its cut end marked ``…``."""
    text = clean(text)
    return text if len(text) <= width else text[: max(width - 1, 0)] + "…"


def _escaped(one: str) -> str:
    code = ord(one)
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
