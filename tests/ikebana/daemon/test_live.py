from ikebana.daemon.live import Live, Standing
from ikecore.actions import Established
from ikecore.timetable import NEVER
from tests.ikebana.daemon.lives import IKE, PATH, PEER

ONE, TWO, NEW = b"1" * 8, b"2" * 8, b"3" * 8


def up(sa: bytes, replaces: bytes = b"") -> Established:
    spis = (sa, b"theirspi")
    return Established(
        sa, "net", True, *spis, PEER, IKE, PATH, False, False, 0.0, replaces=replaces
    )


def test_children_belong_to_the_newest_that_stays() -> None:
    live = Live()
    assert live.home == b""
    live.add(up(ONE), ours=True)
    live.add(up(TWO), ours=False)
    assert (live.home, live.made) == (TWO, ONE)
    live.doom(TWO)
    assert live.home == ONE
    live.leave()
    assert live.home == b""
    assert [sa.sa for sa in live.sas] == [ONE, TWO]


def test_an_end_tells_what_it_was() -> None:
    live = Live()
    assert live.remove(ONE) is Standing.UNKNOWN
    for sa in (ONE, TWO, NEW):
        live.add(up(sa), ours=False)
    live.doom(TWO)
    assert live.remove(ONE) is Standing.SERVING
    assert live.remove(TWO) is Standing.DOOMED
    live.leave()
    assert live.remove(NEW) is Standing.LEAVING
    assert live.sas == ()


def test_a_rekeyed_one_stands_where_the_old_one_stood() -> None:
    live = Live()
    live.add(up(ONE), ours=True)
    live.add(up(TWO), ours=False)
    live.rekeyed(up(NEW, replaces=ONE))
    assert [sa.sa for sa in live.sas] == [NEW, TWO]
    assert (live.made, live.has(ONE)) == (NEW, False)
    live.leave()
    assert live.remove(NEW) is Standing.LEAVING


def test_the_older_ones_stay_a_moment_after_a_renewal() -> None:
    live = Live()
    live.add(up(ONE), ours=True)
    live.begin_renewal()
    assert (live.is_renewing, live.renewed, live.is_older(ONE)) == (True, b"", True)
    live.add(up(TWO), ours=True)
    assert (live.renewed, live.home) == (TWO, TWO)
    live.end_renewal(100.0)
    assert (live.is_renewing, live.retires_at) == (False, 102.0)
    assert live.retire(101.9) == []
    assert live.retire(102.0) == [ONE]
    assert live.retires_at == NEVER


def test_a_renewal_is_over_when_the_older_ones_are_gone_or_the_next_one_never_came() -> None:
    live = Live()
    live.add(up(ONE), ours=True)
    live.begin_renewal()
    live.rekeyed(up(NEW, replaces=ONE))
    assert live.is_older(NEW)
    live.remove(NEW)
    assert not live.is_renewing
    live.add(up(TWO), ours=True)
    live.begin_renewal()
    live.cancel_renewal()
    assert (live.is_renewing, live.retires_at) == (False, NEVER)
