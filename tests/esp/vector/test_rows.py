"""Rows of a flat buffer."""

import numpy as np

from esp.vector.rows import Rows, octets_of


def test_views_and_matrix_show_the_same_octets() -> None:
    rows = Rows(bytearray(range(40)))
    assert [bytes(view) for view in rows.views(10, 2, 5)[:2]] == [b"\2\3\4", b"\14\15\16"]
    assert rows.matrix(2, 10)[1, 2] == 12


def test_rows_may_lie_apart() -> None:
    rows = Rows(bytearray(range(40)), stride=16)
    assert [view[0] for view in rows.views(6, 4)] == [4, 20, 36]


def test_what_does_not_fit_is_no_row() -> None:
    assert len(Rows(bytearray(40)).views(12)) == 3
    assert Rows(bytearray(40)).views(41) == []


def test_the_views_that_are_kept_are_few_however_many_sizes_a_peer_sends() -> None:
    rows = Rows(bytearray(4000))
    first = rows.views(4)
    assert rows.views(4) is first
    for width in range(5, 100):
        rows.views(width)
    assert rows.views(4) is not first


def test_each_row_as_octets() -> None:
    matrix = np.arange(24, dtype=np.uint8).reshape(4, 6)
    assert octets_of(matrix[:, 1:4], 3)[1] == b"\7\10\11"


def test_a_few_rows_of_a_new_size_cost_no_more_views_than_rows() -> None:
    rows = Rows(bytearray(range(100)))
    assert [bytes(view) for view in rows.views(10, 2, 4, 2)] == [b"\2\3", b"\14\15"]
    assert len(rows.views(10, 2, 4, 5)) == 5
    assert len(rows.views(10, 2, 4, 3)) == 5
    assert [view[0] for view in rows.views(10, 2, 4)] == list(range(2, 100, 10))
