from dataclasses import replace

from ikebana.cli.policy import explained
from ikebana.control.view import ConsideredView
from tests.ikebana.control.fake import EXPLAINED, HOSTILE


def test_a_page_has_the_policies_the_hit_and_what_follows() -> None:
    assert explained(EXPLAINED) == [
        "10.1.0.5 10.2.0.9 tcp 443",
        "",
        "Policies, in order; the first that matches decides:",
        "    printers  bypass   no: target 10.2.0.9 is not in …",
        "  > net       protect  yes",
        "      10.1.0.0/24 === 10.2.0.0/24",
        "",
        "The kernel sends it into the tunnel device (ikebana0).",
        "Outcome: sealed",
        "  The tunnel net (connected) protects it.",
    ]


def test_two_thousand_policies_are_one_screen() -> None:
    far = [
        ConsideredView(f"n{n}", "protect", f"n{n}", part="target", why="far") for n in range(2000)
    ]
    near = ConsideredView("near", "protect", "near", part="protocol", why="only udp")
    hit = ConsideredView("net", "protect", "net", hit=True)
    lines = explained(replace(EXPLAINED, considered=(*far, near, hit)))
    assert len(lines) <= 24
    assert "  …  1988 more, whose addresses do not fit" in lines
    assert [line.split()[-3:] for line in lines if "only udp" in line] == [["no:", "only", "udp"]]
    assert any(line.startswith("  > net") for line in lines)


def test_without_a_match_that_is_said() -> None:
    view = replace(
        EXPLAINED, policy="default", action="discard", considered=(), counter="policy", way="clear"
    )
    lines = explained(view)
    assert any("none matches" in line for line in lines)
    assert "Outcome: sealed, counted as policy" in lines


def test_hostile_names_stay_on_their_line() -> None:
    hostile = ConsideredView(HOSTILE, "bypass", part="source", why=HOSTILE)
    lines = explained(replace(EXPLAINED, considered=(hostile,), lines=(HOSTILE,), device=HOSTILE))
    assert all(line.isprintable() for line in lines)
    assert all(len(line) <= 80 for line in lines[:5])
