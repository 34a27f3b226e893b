"""A signal ends what can be left, and waits for what cannot."""

import signal

import pytest

from ikebana.demo.interrupts import Interrupted, Interrupts


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_is_an_exception(number: signal.Signals) -> None:
    before = signal.getsignal(number)
    with pytest.raises(Interrupted) as caught, Interrupts():
        signal.raise_signal(number)
    assert caught.value.number == number
    assert signal.getsignal(number) is before


def test_it_waits_for_the_end_of_a_shielded_block() -> None:
    done: list[str] = []

    def make(interrupts: Interrupts) -> None:
        with interrupts.shielded():
            signal.raise_signal(signal.SIGTERM)
            done.append("made")
        done.append("used")

    with Interrupts() as interrupts, pytest.raises(Interrupted):
        make(interrupts)
    assert done == ["made"]


def test_it_comes_at_once_in_an_exposed_block_but_only_once() -> None:
    done: list[str] = []

    def work(interrupts: Interrupts) -> None:
        with interrupts.shielded():
            try:
                with interrupts.exposed():
                    signal.raise_signal(signal.SIGINT)
                    done.append("used")
            finally:
                signal.raise_signal(signal.SIGINT)
                done.append("removed")

    with Interrupts() as interrupts, pytest.raises(Interrupted):
        work(interrupts)
    assert done == ["removed"]


def test_what_came_before_an_exposed_block_keeps_it_from_beginning() -> None:
    done: list[str] = []

    def work(interrupts: Interrupts) -> None:
        with interrupts.shielded():
            signal.raise_signal(signal.SIGINT)
            with interrupts.exposed():
                done.append("used")

    with Interrupts() as interrupts, pytest.raises(Interrupted):
        work(interrupts)
    assert done == []
