"""What is missing is said in one line."""

import subprocess
import sys
from pathlib import Path

from ikebana.demo.needs import absent_capabilities, lacking
from tests.lab.needs import require

FULL = (1 << 41) - 1


def status(granted: int) -> str:
    return f"Name:\tpython\nCapPrm:\t{FULL:016x}\nCapEff:\t{granted:016x}\n"


def test_capabilities_are_read_from_the_effective_set() -> None:
    assert absent_capabilities(status(FULL)) == []
    assert absent_capabilities(status(FULL & ~(1 << 21))) == ["CAP_SYS_ADMIN"]
    assert absent_capabilities(status(0)) == ["CAP_NET_ADMIN", "CAP_NET_RAW", "CAP_SYS_ADMIN"]
    assert len(absent_capabilities("")) == 3


def test_root_lacks_nothing_and_leaves_nothing() -> None:
    require()
    before = set(Path("/run/netns").iterdir()) if Path("/run/netns").exists() else set()
    assert lacking() == ""
    assert not {one for one in set(Path("/run/netns").iterdir()) - before if "-try-" in one.name}


def test_a_user_is_told_to_be_root() -> None:
    require()
    code = "import os\nfrom ikebana.demo.needs import lacking\nos.setuid(65534); print(lacking())"
    told = subprocess.run(  # noqa: S603 - our own code
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert told.stdout == "not root: sudo make demo\n"
