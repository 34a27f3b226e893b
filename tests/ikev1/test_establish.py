"""An ISAKMP SA goes into service."""

from ikecore.actions import ChildEstablished, Established

from .network import Network, profile, quiet


def test_its_initiator_makes_the_first_child() -> None:
    net = Network(quiet("moon"), quiet("sun"))
    net.initiate("moon")
    (here,), (there,) = (net.seen(ChildEstablished, name) for name in ("moon", "sun"))
    assert (here.inbound_spi, here.outbound_spi) == (there.outbound_spi, there.inbound_spi)
    assert here.sa == net.up("moon")[0]


def test_it_tells_how_long_it_took_and_until_when_its_keys_last() -> None:
    net = Network(profile("moon"), profile("sun"))
    net.initiate("moon")
    (up,) = net.seen(Established, "moon")
    assert 0 < up.took < 1
    assert 0.8 * 86400 < up.reauth_at < 0.95 * 86400
