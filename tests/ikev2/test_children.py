"""What is offered for a child, what is agreed, and what of an answer is taken."""

from dataclasses import replace

import pytest

from ikecore.child import Mode
from ikecore.diagnosis import Code, Diagnosis
from ikecore.profile import ChildProfile, Profile
from ikecore.proposals import Protocol, Suite, TransformType, choose
from ikev2.children import (
    Agreed,
    Answered,
    Asked,
    Refusal,
    accepted,
    agree,
    answer_payloads,
    best_fit,
    groups_of,
    offer,
    selectors,
    spi_of,
    wishes,
)
from ikev2.message import Exchange, Header, Message
from ikev2.payloads.chain import Payload
from ikev2.payloads.notify import Notify
from ikev2.payloads.ts import SelectorsInitiator, SelectorsResponder
from ikev2.payloads.types import NotifyType
from policy.selectors import TrafficSelector
from suites.kex import GROUP_BY_NAME, Group

from .network import profile
from .network import selectors as networks

SUN = profile("sun", esp=("aes256gcm16", "aes128-sha256-modp2048"))
(CHILD,) = SUN.children
MINE, THEIRS = SUN.local_ts, SUN.remote_ts
SPI = 0xC0000001
TRANSPORT = {"mode": Mode.TRANSPORT}


def asked(*esp: str, spi: int = SPI, **changes: object) -> Asked:
    """Return a request of moon's for the child as sun has it."""
    made = Asked(offer(profile("moon", esp=esp), spi), THEIRS, MINE)
    return replace(made, **changes)  # type: ignore[arg-type]  # a test names the fields


def agreed(*esp: str, spi: int = SPI) -> Agreed | Refusal:
    return agree(SUN, CHILD, asked(*esp, spi=spi), first=True)


def suite(esp: str, spi: int = SPI) -> Suite:
    mine = profile("moon", esp=(esp,)).esp_proposals
    settled = choose(mine, offer(profile("moon", esp=(esp,)), spi))
    assert settled is not None
    return settled[0]


# -- our offer ------------------------------------------------------------------------------------
def test_the_first_childs_offer_carries_the_spi_rising_numbers_and_no_group() -> None:
    moon = profile("moon", esp=("aes256gcm16-x25519", "aes128-sha256-modp2048-esn-noesn"))
    made = offer(moon, SPI, first=True)
    assert [p.number for p in made] == [1, 2]
    assert {spi_of(p) for p in made} == {SPI}
    assert groups_of(made) == ()
    assert [t.id for t in made[1].of(TransformType.ESN)] == [1, 0]


def test_any_other_childs_offer_names_the_groups() -> None:
    moon = profile("moon", esp=("aes256gcm16-x25519", "aes128-sha256-modp2048"))
    names = [group.name for group in groups_of(offer(moon, SPI))]
    assert names == ["x25519", "modp2048"]
    assert groups_of(offer(profile("moon", esp=("aes128gcm16",)), SPI)) == ()


def test_first_proposals_that_differ_only_in_their_group_are_offered_once() -> None:
    esp = ("aes128gcm16-x25519", "aes128gcm16-modp2048", "aes128gcm16")
    assert len(offer(profile("moon", esp=esp), 256, first=True)) == 1
    assert len(offer(profile("moon", esp=esp), 256)) == 3


@pytest.mark.parametrize(
    ("used", "esp", "pinned"),
    [
        ("aes128gcm16", ("aes256gcm16", "aes128gcm16"), ("aes128gcm16",)),
        # the first child had no group of its own; now those beside its algorithms are offered
        ("aes128gcm16", ("aes256gcm16", "aes128gcm16-x25519"), ("aes128gcm16-x25519",)),
        ("aes128-sha256", ("aes128-sha1-sha256-modp2048",), ("aes128-sha256-modp2048",)),
        # what is configured no more is not kept
        ("aes192gcm16", ("aes256gcm16", "aes128gcm16"), ("aes256gcm16", "aes128gcm16")),
    ],
)
def test_a_child_that_renews_another_keeps_its_algorithms(
    used: str, esp: tuple[str, ...], pinned: tuple[str, ...]
) -> None:
    made = offer(profile("moon", esp=esp), SPI, renews=suite(used))
    expected = offer(profile("moon", esp=pinned), SPI)
    assert [set(p.transforms) for p in made] == [set(p.transforms) for p in expected]
    assert [p.number for p in made] == [p.number for p in expected]


def test_the_group_in_use_is_offered_before_those_beside_it() -> None:
    moon = profile("moon", esp=("aes128gcm16-x25519-ecp256-modp2048",))
    for used, first in (("ecp256", "ecp256"), ("modp1024", "x25519")):
        made = offer(moon, SPI, renews=suite(f"aes128gcm16-{used}"))
        assert groups_of(made)[0].name == first
        assert len(groups_of(made)) == 3


def test_what_goes_with_an_offer() -> None:
    assert wishes(SUN) == ()
    loud = profile("moon", mode=Mode.TRANSPORT, later_fragments=True)
    assert [notify.type for notify in wishes(loud)] == [
        NotifyType.USE_TRANSPORT_MODE,
        NotifyType.NON_FIRST_FRAGMENTS_ALSO,
    ]


# -- their offer ----------------------------------------------------------------------------------
def test_our_order_decides() -> None:
    found = agreed("aes128-sha256", "aes256gcm16")
    assert isinstance(found, Agreed)
    assert str(found.suite) == "aes256gcm16"
    assert (found.suite.number, found.outbound_spi) == (2, SPI)
    assert (found.local_ts, found.remote_ts) == (MINE, THEIRS)
    assert not found.is_part


def test_a_renewed_child_keeps_its_algorithms_against_our_order() -> None:
    both = asked("aes128-sha256-modp2048", "aes256gcm16")
    kept = agree(SUN, CHILD, both, renews=suite("aes128-sha256-modp2048"))
    assert isinstance(kept, Agreed)
    assert str(kept.suite) == "aes128-sha256-modp2048"
    gone = agree(SUN, CHILD, asked("aes256gcm16"), renews=suite("aes128-sha256-modp2048"))
    assert isinstance(gone, Agreed)
    assert str(gone.suite) == "aes256gcm16"


def test_the_first_childs_group_is_of_no_account() -> None:
    found = agreed("aes128-sha256-x25519")
    assert isinstance(found, Agreed)
    assert found.suite.group is None
    later = agree(SUN, CHILD, asked("aes128-sha256-x25519"))
    assert isinstance(later, Refusal)
    assert later.notify is NotifyType.NO_PROPOSAL_CHOSEN


def test_nothing_in_common_is_refused() -> None:
    found = agreed("aes128gcm16", "3des-sha1")
    assert isinstance(found, Refusal)
    assert found.notify is NotifyType.NO_PROPOSAL_CHOSEN
    (finding,) = found.diagnosis.findings
    assert finding.code is Code.ESP_PROPOSAL_MISMATCH
    assert finding.ours == "aes256gcm16, aes128-sha256"
    assert finding.theirs == "aes128gcm16, 3des-sha1"


@pytest.mark.parametrize("spi", [0, 1, 255])
def test_a_reserved_spi_is_no_offer(spi: int) -> None:
    found = agreed("aes256gcm16", spi=spi)
    assert isinstance(found, Refusal)
    assert found.notify is NotifyType.NO_PROPOSAL_CHOSEN


def test_an_spi_of_another_size_is_none() -> None:
    (proposal,) = offer(profile("moon"), 256)
    assert spi_of(replace(proposal, spi=b"12345678")) == 0
    assert spi_of(replace(proposal, spi=b"")) == 0
    assert spi_of(proposal) == 256


def test_esn_is_used_only_if_both_want_it() -> None:
    esn = profile("sun", esp=("aes128gcm16-esn",))
    both = agree(esn, CHILD, asked("aes128gcm16-esn-noesn"))
    assert isinstance(both, Agreed)
    assert both.suite.esn
    assert isinstance(agree(esn, CHILD, asked("aes128gcm16")), Refusal)


def test_ah_is_another_protocol() -> None:
    (proposal,) = offer(profile("moon", esp=("aes128-sha256",)), 256)
    found = agree(SUN, CHILD, asked(proposals=(replace(proposal, protocol=Protocol.AH),)))
    assert isinstance(found, Refusal)
    assert found.diagnosis.code is Code.PROTOCOL_MISMATCH


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [
        (networks("10.9.0.0/24"), MINE),
        (THEIRS, networks("10.9.0.0/24")),
        ((), MINE),
        (THEIRS, ()),
        (networks("fd01::/64"), networks("fd02::/64")),
    ],
)
def test_networks_that_do_not_meet_are_refused(
    theirs: tuple[TrafficSelector, ...], ours: tuple[TrafficSelector, ...]
) -> None:
    found = agree(SUN, CHILD, asked("aes256gcm16", theirs=theirs, ours=ours))
    assert isinstance(found, Refusal)
    assert found.notify is NotifyType.TS_UNACCEPTABLE
    assert found.diagnosis.findings[0].ours == "10.2.0.0/24 === 10.1.0.0/24"


def test_both_sides_are_narrowed_and_the_peer_hears_that_there_is_less() -> None:
    wide = networks("10.0.0.0/8")
    found = agree(SUN, CHILD, asked("aes256gcm16", theirs=wide, ours=wide))
    assert isinstance(found, Agreed)
    assert (found.local_ts, found.remote_ts, found.is_part) == (MINE, THEIRS, True)
    said = [p.type for p in answer_payloads(found, SPI) if isinstance(p, Notify)]
    assert said == [NotifyType.ADDITIONAL_TS_POSSIBLE]


@pytest.mark.parametrize(
    ("ours", "theirs", "mode"),
    [
        (Mode.TUNNEL, False, Mode.TUNNEL),
        (Mode.TUNNEL, True, Mode.TUNNEL),  # a wish: the responder need not take it (section 1.3.1)
        (Mode.TRANSPORT, True, Mode.TRANSPORT),
        (Mode.TRANSPORT, False, None),
    ],
)
def test_transport_mode_takes_two(ours: Mode, theirs: bool, mode: Mode | None) -> None:
    found = agree(replace(SUN, mode=ours), CHILD, asked("aes256gcm16", transport=theirs))
    if mode is None:
        assert isinstance(found, Refusal)
        assert found.notify is NotifyType.NO_PROPOSAL_CHOSEN
        assert found.diagnosis.code is Code.ENCAPSULATION_MISMATCH
        return
    assert isinstance(found, Agreed)
    assert found.mode is mode
    said = [p.type for p in answer_payloads(found, SPI) if isinstance(p, Notify)]
    assert said == ([NotifyType.USE_TRANSPORT_MODE] if mode is Mode.TRANSPORT else [])


@pytest.mark.parametrize(("ours", "theirs"), [(True, True), (True, False), (False, True)])
def test_later_fragments_and_padding_are_as_both_have_them(ours: bool, theirs: bool) -> None:
    sun = replace(SUN, later_fragments=ours)
    found = agree(sun, CHILD, asked("aes256gcm16", later_fragments=theirs, tfc=theirs))
    assert isinstance(found, Agreed)
    assert (found.later_fragments, found.tfc) == (ours and theirs, theirs)


def test_which_of_our_children_is_meant() -> None:
    small, large, other = (
        ChildProfile(networks(net), THEIRS) for net in ("10.2.0.0/28", "10.2.0.0/24", "10.7.0.0/24")
    )
    sun = replace(SUN, children=(other, small, large))
    whole = asked("aes256gcm16")
    assert best_fit(sun, whole, ()) == small  # the first of those that it covers
    assert best_fit(sun, whole, (small,)) == large  # what we lack before what is there
    assert best_fit(sun, whole, (small, large)) == small
    assert best_fit(sun, asked("aes256gcm16", ours=networks("10.2.0.128/25")), ()) == large
    assert best_fit(sun, asked("aes256gcm16", ours=networks("10.99.0.0/24")), ()) == other


# -- their answer ---------------------------------------------------------------------------------
def answer(found: Agreed, *more: Payload) -> Message:
    header = Header(b"initspi!", b"respspi!", Exchange.CREATE_CHILD_SA, 2, False, response=True)
    payloads = (*answer_payloads(found, 0xD0000001), *more)
    return Message(header, payloads, protected=True, raw=b"")


def sun_says(*esp: str, **changes: object) -> Message:
    found = agree(SUN, CHILD, asked(*esp))
    assert isinstance(found, Agreed)
    return answer(replace(found, **changes))  # type: ignore[arg-type]  # a test names the fields


def taken(moon: Profile, message: Message, group: Group | None = None) -> Agreed | Diagnosis:
    """Let moon judge an answer."""
    return accepted(moon, moon.children[0], OFFER, message, Answered.of(message), group)


MOON = profile("moon", esp=("aes256gcm16", "aes128-sha256-modp2048"))
OFFER = offer(MOON, SPI)


def took(moon: Profile, message: Message, group: Group | None = None) -> Agreed | Diagnosis:
    return accepted(moon, MOON.children[0], OFFER, message, Answered.of(message), group)


def test_an_answer_within_our_offer_is_taken() -> None:
    found = took(MOON, sun_says("aes256gcm16"))
    assert isinstance(found, Agreed)
    assert (found.outbound_spi, found.local_ts, found.remote_ts) == (0xD0000001, THEIRS, MINE)


def test_an_answer_with_another_group_than_our_ke_is_not_taken() -> None:
    modp, x25519 = GROUP_BY_NAME["modp2048"], GROUP_BY_NAME["x25519"]
    said = sun_says("aes128-sha256-modp2048")
    assert isinstance(took(MOON, said, modp), Agreed)
    for group in (x25519, None):
        wrong = took(MOON, said, group)
        assert isinstance(wrong, Diagnosis)
        assert wrong.code is Code.ESP_PROPOSAL_MISMATCH


@pytest.mark.parametrize(("wanted", "said"), [(Mode.TRANSPORT, Mode.TUNNEL)])
def test_an_answer_in_the_other_mode_is_not_taken(wanted: Mode, said: Mode) -> None:
    for ours, theirs in ((wanted, said), (said, wanted)):
        moon = replace(MOON, mode=ours)
        found = took(moon, sun_says("aes256gcm16", mode=theirs))
        assert isinstance(found, Diagnosis)
        assert found.code is Code.ENCAPSULATION_MISMATCH


def test_an_answer_with_more_than_we_asked_for_is_not_taken() -> None:
    wide = networks("10.0.0.0/8")
    for side in ("local_ts", "remote_ts"):
        said = sun_says("aes256gcm16", **{side: wide})
        found = took(MOON, said)
        assert isinstance(found, Diagnosis)
        assert found.code is Code.TS_MISMATCH


def test_an_answer_without_its_parts_is_none() -> None:
    whole = sun_says("aes256gcm16")
    for missing in whole.payloads:
        kept = tuple(p for p in whole.payloads if p is not missing)
        found = took(MOON, replace(whole, payloads=kept))
        assert isinstance(found, Diagnosis)
        assert found.code is Code.INVALID_SYNTAX


def test_what_is_read_of_an_empty_request_agrees_to_nothing() -> None:
    header = Header(b"initspi!", b"respspi!", Exchange.CREATE_CHILD_SA, 2, True, response=False)
    read = Asked.of(Message(header, (), protected=True, raw=b""))
    assert isinstance(agree(SUN, CHILD, read), Refusal)


def test_a_whole_request_is_read() -> None:
    header = Header(b"initspi!", b"respspi!", Exchange.CREATE_CHILD_SA, 2, True, response=False)
    said = answer_payloads(Agreed(suite("aes256gcm16"), 1, MINE, THEIRS, Mode.TRANSPORT), SPI)
    no_padding = Notify(NotifyType.ESP_TFC_PADDING_NOT_SUPPORTED)
    read = Asked.of(Message(header, (*said, no_padding), protected=True, raw=b""))
    assert (read.theirs, read.ours) == (THEIRS, MINE)
    assert (read.transport, read.tfc, read.later_fragments) == (True, False, False)
    assert [spi_of(p) for p in read.proposals] == [SPI]


def test_the_selectors_of_an_offer_name_our_side_first() -> None:
    assert selectors(CHILD) == (SelectorsInitiator(MINE), SelectorsResponder(THEIRS))
