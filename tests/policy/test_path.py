"""A path and the same path from the other end."""

from policy.path import Path

MOON, SUN = ("10.99.0.1", 4500), ("10.99.0.2", 4500)


def test_the_other_end_sees_both_ends_swapped() -> None:
    assert Path(MOON, SUN, encapsulated=True).reversed == Path(SUN, MOON, encapsulated=True)


def test_turning_twice_changes_nothing() -> None:
    path = Path(MOON, SUN)
    assert path.reversed.reversed == path


def test_equal_paths_are_one_key() -> None:
    assert len({Path(MOON, SUN), Path(MOON, SUN), Path(MOON, SUN, True)}) == 2


def test_esp_goes_in_udp_with_the_marker_of_ike_unless_it_is_to_go_plain() -> None:
    assert not Path(MOON, SUN).esp_in_udp
    assert Path(MOON, SUN, encapsulated=True).esp_in_udp
    plain = Path(MOON, SUN, encapsulated=True, plain_esp=True)
    assert not plain.esp_in_udp
    assert not plain.reversed.esp_in_udp


def test_how_esp_goes_is_not_seen_on_a_datagrams_path() -> None:
    plain = Path(MOON, SUN, encapsulated=True, plain_esp=True)
    assert plain == Path(MOON, SUN, encapsulated=True)
    assert len({plain, Path(MOON, SUN, encapsulated=True)}) == 1


def test_other_ends_change_nothing_in_how_esp_goes() -> None:
    plain = Path(MOON, SUN, encapsulated=True, plain_esp=True)
    elsewhere = Path(MOON, ("10.99.0.3", 4500), encapsulated=True)
    assert not plain.over(elsewhere).esp_in_udp
    assert plain.over(elsewhere) == elsewhere
    assert elsewhere.over(plain).esp_in_udp
