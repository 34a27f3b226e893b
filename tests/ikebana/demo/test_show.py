"""What is printed, character for character."""

import io

from ikebana.demo.show import Screen


def test_headings_tell_the_time_and_nothing_is_coloured_in_a_file() -> None:
    stream = io.StringIO()
    times = iter((10.0, 12.345))
    screen = Screen(stream, lambda: next(times))
    screen.heading("Pings")
    screen.lines(["a  ", "b"])
    screen.good("well")
    screen.bad("not")
    assert stream.getvalue().splitlines() == [
        "",
        "Pings" + " " * 70 + "2.3 s",
        "  a",
        "  b",
        "  ✔ well",
        "  ✘ not",
    ]


def test_a_terminal_gets_colour() -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    stream = Terminal()
    Screen(stream).good("well")
    assert "\x1b[32m✔\x1b[0m" in stream.getvalue() or not Screen(stream).paint.on
