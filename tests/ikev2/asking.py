"""CREATE_CHILD_SA in a test's own words: requests and answers that our core would not say."""

from dataclasses import replace

from ikecore.child import ChildSpec
from ikecore.proposals import Protocol
from ikev2.payloads.chain import Payload
from ikev2.payloads.ke import KeyExchangeData
from ikev2.payloads.nonce import Nonce
from ikev2.payloads.notify import Notify
from ikev2.payloads.sa import SecurityAssociation
from ikev2.payloads.ts import SelectorsInitiator, SelectorsResponder
from ikev2.payloads.types import NotifyType
from suites.kex import GROUP_BY_NAME

from .network import NETS, OTHER, Network, profile, selectors
from .races.scene import quiet

Key = tuple[int, bytes]


def tunnel(**changes: object) -> Network:
    """Return a tunnel that moon began and in which nothing happens by itself."""
    net = Network(quiet("moon", **changes), quiet("sun", **changes))
    net.initiate("moon")
    net.assert_connected()
    return net


def spec_of(net: Network, name: str) -> ChildSpec:
    """Return the only child of one end."""
    (spec,) = net.hosts[name].children.values()
    return spec


def key(group: str) -> Key:
    """Return a good public value of a group."""
    kex = GROUP_BY_NAME[group].generate()
    return kex.group.iana, kex.public


def child_request(
    *notifies: Notify,
    name: str = "moon",
    esp: tuple[str, ...] = ("aes128gcm16",),
    spi: int = 0xC0000001,
    key: Key | None = None,
    nonce: bytes = bytes(32),
) -> tuple[Payload, ...]:
    """Return what asks for the child that one end has in its profile."""
    return (
        *notifies,
        _offer(esp, Protocol.ESP, spi.to_bytes(4, "big")),
        Nonce(nonce),
        *(() if key is None else (KeyExchangeData(*key),)),
        SelectorsInitiator(selectors(NETS[name])),
        SelectorsResponder(selectors(NETS[OTHER[name]])),
    )


def renewal(net: Network, name: str) -> Notify:
    """Return the notify by which one end names its only child."""
    spi = spec_of(net, name).inbound_spi.to_bytes(4, "big")
    return Notify(NotifyType.REKEY_SA, b"", Protocol.ESP, spi)


def ike_request(
    ike: tuple[str, ...] = ("aes128gcm16-prfsha256-x25519",),
    spi: bytes = b"newspi!!",
    key: Key | None = None,
    nonce: bytes = bytes(32),
) -> tuple[Payload, ...]:
    """Return what asks for a new IKE SA; the KE payload is of x25519 unless given."""
    group, public = key or _x25519()
    return (
        _offer(ike, Protocol.IKE, spi),
        Nonce(nonce),
        KeyExchangeData(group, public),
    )


def _x25519() -> Key:
    return key("x25519")


def _offer(texts: tuple[str, ...], protocol: Protocol, spi: bytes) -> SecurityAssociation:
    made = profile("moon", texts) if protocol is Protocol.IKE else profile("moon", esp=texts)
    plain = made.ike_proposals if protocol is Protocol.IKE else made.esp_proposals
    return SecurityAssociation(
        tuple(replace(p, spi=spi, number=n) for n, p in enumerate(plain, start=1))
    )


def kinds(payloads: tuple[Payload, ...]) -> list[str]:
    """Return the payloads' classes."""
    return [type(payload).__name__ for payload in payloads]


def instead(payloads: tuple[Payload, ...], *others: Payload) -> tuple[Payload, ...]:
    """Return the payloads with those of a kind replaced."""
    by_kind = {type(other): other for other in others}
    return tuple(by_kind.get(type(payload), payload) for payload in payloads)
