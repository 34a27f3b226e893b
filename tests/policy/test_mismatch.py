import pytest
from hypothesis import given
from hypothesis import strategies as st

from policy.flow import Flow
from policy.mismatch import Part, mismatch
from policy.selectors import OPAQUE, TrafficSelector
from policy.spd import Action, Policy, SelectorPair


def policy(*pairs: tuple[str, str]) -> Policy:
    made = tuple(SelectorPair(*map(TrafficSelector.parse, pair)) for pair in pairs)
    return Policy("net", Action.PROTECT, made, "net")


def flow(
    source: str = "10.1.0.5", target: str = "10.2.0.9", protocol: int = 6,
    ports: tuple[int, int] = (4000, 80),
) -> Flow:  # fmt: skip
    ends = [TrafficSelector.from_cidr(one) for one in (source, target)]
    return Flow(ends[0].version, protocol, ends[0].start, ends[1].start, *ports)


@pytest.mark.parametrize(
    ("pairs", "packet", "part", "why"),
    [
        ([("10.1.0.0/24", "10.2.0.0/24")], flow("fd01::1", "fd02::1"), Part.VERSION, "only IPv4"),
        (
            [("10.3.0.0/24", "10.2.0.0/24")], flow(), Part.SOURCE,
            "source 10.1.0.5 is not in 10.3.0.0/24",
        ),
        (
            [("10.3.0.0/24", "10.2.0.0/24"), ("10.1.0.0/24", "10.2.0.10-10.2.0.12")], flow(),
            Part.TARGET, "target 10.2.0.9 is not in 10.2.0.10-10.2.0.12",
        ),
        (
            [("10.1.0.0/24", "10.3.0.0/24"), ("10.1.0.0/24", "10.4.0.0/24")], flow(),
            Part.TARGET, "target 10.2.0.9 is not in 10.3.0.0/24, nor in 1 more",
        ),
        ([("10.1.0.0/24", "10.2.0.0/24[udp/53]")], flow(), Part.PROTOCOL, "only udp"),
        (
            [("10.1.0.0/24[tcp]", "10.2.0.0/24[tcp/443]")], flow(protocol=0), Part.PROTOCOL,
            "only tcp (not told)",
        ),
        (
            [("10.1.0.0/24[tcp]", "10.2.0.0/24[tcp/443]")], flow(), Part.TARGET_PORT,
            "target port is not 443",
        ),
        (
            [("10.1.0.0/24[tcp/22]", "10.2.0.0/24[tcp]")], flow(ports=(OPAQUE, 80)),
            Part.SOURCE_PORT, "source port is not 22 (not told)",
        ),
        (
            [("10.1.0.0/24[icmp/8:0]", "10.2.0.0/24[icmp/8:0]")],
            flow(protocol=1, ports=(3 << 8, 3 << 8)), Part.SOURCE_PORT, "ICMP type is not 8:0",
        ),
        ([], flow(), Part.NOTHING, "it selects nothing yet"),
    ],
)  # fmt: skip
def test_a_mismatch_names_what_is_outside(
    pairs: list[tuple[str, str]], packet: Flow, part: Part, why: str
) -> None:
    found = mismatch(policy(*pairs), packet)
    assert (found.part, found.why) == (part, why)


def test_a_mismatch_is_near_where_the_addresses_fit() -> None:
    near = mismatch(policy(("10.1.0.0/24", "10.2.0.0/24[udp]")), flow())
    far = mismatch(policy(("10.1.0.0/24", "10.3.0.0/24")), flow())
    assert (near.is_near, far.is_near) == (True, False)


@given(
    st.sampled_from(["10.1.0.0/24", "10.1.0.5", "10.9.0.0/24[tcp]", "10.1.0.0/24[udp/1-99]"]),
    st.sampled_from(["10.2.0.0/24", "10.2.0.0/24[tcp/80]", "10.2.0.0/24[udp]"]),
    st.sampled_from([0, 1, 6, 17, 50]),
    st.sampled_from([OPAQUE, 0, 80, 4000]),
)
def test_every_flow_that_no_pair_matches_gets_a_reason(
    local: str, remote: str, protocol: int, port: int
) -> None:
    one, packet = policy((local, remote)), flow(protocol=protocol, ports=(port, port))
    if one.pair_of(packet) is None:
        assert mismatch(one, packet).why
