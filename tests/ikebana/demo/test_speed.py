"""Figures of a transfer, and the transfer itself over loopback."""

import subprocess
import sys

import pytest

from ikebana.demo.speed import Interval, bar, main, mean

SPEED = [sys.executable, "-m", "ikebana.demo.speed"]


def test_a_mean_weighs_the_time() -> None:
    assert Interval(1_000_000, 1.0).mbit == 8.0
    assert mean([Interval(1_000_000, 1.0), Interval(500_000, 0.5), Interval(0, 0.5)]) == 6.0
    assert mean([]) == 0.0


def test_an_interval_travels_as_a_line() -> None:
    assert Interval.parse(str(Interval(123, 1.25))) == Interval(123, 1.25)
    with pytest.raises(ValueError, match="unpack"):
        Interval.parse("nonsense")


def test_a_second_is_a_bar() -> None:
    assert bar(3, 50.4, 100) == "  3 s       50 Mbit/s  " + "█" * 20
    assert bar(12, 900, 100) == " 12 s      900 Mbit/s  " + "█" * 40
    assert bar(1, 0, 0) == "  1 s        0 Mbit/s"


def test_a_stream_is_sent_and_counted() -> None:
    with subprocess.Popen(  # noqa: S603 - our own code
        [*SPEED, "receive", "127.0.0.1"], stdout=subprocess.PIPE
    ) as receiver:
        assert receiver.stdout is not None
        ready, port = receiver.stdout.readline().decode().split()
        assert ready == "ready"
        assert main(["send", "127.0.0.1", port, "0.2"]) == 0
        intervals = [Interval.parse(line.decode()) for line in receiver.stdout]
        assert receiver.wait() == 0
    assert mean(intervals) > 1


def test_what_cannot_be_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["send", "127.0.0.1", "1", "1"]) == 1
    assert "send: " in capsys.readouterr().err
    assert main([]) == 2
