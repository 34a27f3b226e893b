"""The seam: numpy may be missing."""

import subprocess
import sys

from esp import lanes

WITHOUT = """
import sys
sys.modules["numpy"] = None  # as if it were not installed
from esp import lanes
from esp.arena import Arena
from esp.coalesce import Coalescer
from esp.counters import Counters
from esp.engine import Engine
from esp.sendbuffer import SendBuffer
from policy.spd import Spd
print(lanes.has_vectors())
print(lanes.outward(Arena(10), SendBuffer(print)))
print(lanes.inward(Engine(Spd(), Counters()), Coalescer(print), bytearray(9)))
"""


def test_numpy_is_found() -> None:
    assert lanes.has_vectors()


def test_without_numpy_nothing_seals_or_opens_rows() -> None:
    argv = [sys.executable, "-c", WITHOUT]
    done = subprocess.run(argv, capture_output=True, text=True, check=True)  # noqa: S603 - ours
    assert done.stdout.split() == ["False", "None", "None"]
