"""What most conversations begin with: a tunnel, packets that cross it, and what was said."""

from ikecore.profile import LegacyTerms, Profile
from ikev1.message import Exchange
from ikev1.payloads.chain import Payload

from .network import AGGRESSIVE, Network, quiet

MAIN, QUICK, INFORM = Exchange.MAIN, Exchange.QUICK, Exchange.INFORMATIONAL
MODES = {"main": LegacyTerms(), "aggressive": AGGRESSIVE}


def connect(
    initiator: str = "moon",
    moon: Profile | None = None,
    sun: Profile | None = None,
    every: float = 0.02,
) -> Network:
    """Return two ends with a tunnel, and packets that cross it both ways."""
    net = Network(moon or quiet("moon"), sun or quiet("sun"))
    net.initiate(initiator)
    net.assert_connected()
    if every:
        net.stream(every)
    net.sleep(0.1)
    return net


def heard(net: Network, name: str, exchange: Exchange) -> list[tuple[Payload, ...]]:
    """Return the payloads of what one end said in an exchange, repeats left out."""
    found = []
    for letter, _ in net.letters:
        if (letter.sender, letter.exchange, letter.copy) == (name, exchange, 0):
            message = net.ear.read(letter.data)
            found.append(message.payloads if message is not None else ())
    return found


def said_itself(net: Network, name: str) -> list[float]:
    """Return when one end sent something although nothing came in at that moment."""
    other = {at for letter, came in net.letters if letter.sender != name for at in came}
    return [
        letter.at for letter, _ in net.letters if letter.sender == name and letter.at not in other
    ]
