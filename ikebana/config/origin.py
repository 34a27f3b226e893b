"""Where in the file an algorithm comes from."""

from ikebana.config.crypto import IkeSettings, IpsecSettings
from ikebana.config.problems import Loc


def origin(name: str, settings: IkeSettings | IpsecSettings, index: int, word: str) -> Loc:
    """Return what of ``name`` (``ike``, ``ipsec``) put ``word`` into the proposal at ``index``.

    That is the proposal, the single field, or else the preset; relative to the connection.
    """
    if settings.proposals:
        return (name, "proposals", index)
    for single in settings.singles:
        if getattr(settings, single) == word:
            return (name, single)
    return ("crypto_preset",)
