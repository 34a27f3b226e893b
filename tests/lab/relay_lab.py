"""The lab with a wire between the gateways that is as bad as it is told (tests/lab/relay.py).

    ga wan === a relay b === wan gb

The relay sees single datagrams: segmentation offload is off on both gateways' wan devices.
"""

import json
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Final

from tests.lab.needs import find
from tests.lab.relay import Counters, Weather
from tests.lab.topology import ADDRESSES, Lab, LabError, set_addresses

_ROOT: Final = Path(__file__).parents[2]
_OFF: Final = ("tso", "off", "gso", "off", "gro", "off", "tx", "off")


class RelayLab(Lab):
    """A :class:`Lab` with a relay in its wan; ``seed`` makes the weather's chance repeatable."""

    def __init__(self, seed: int = 1) -> None:
        self._seed = seed
        super().__init__()

    def weather(self, weather: Weather) -> None:
        """Change what the wire does, both ways; the counters begin again."""
        self._ask(json.dumps(asdict(weather)))

    def counters(self) -> dict[str, Counters]:
        """Return what became of the packets since the last change, from "a" and from "b"."""
        return {name: Counters(**told) for name, told in json.loads(self._ask("{}")).items()}

    def join(self) -> None:
        """Put the relay between the gateways."""
        relay = self.spaces.add("relay")
        for ifname, name in (("a", "ga"), ("b", "gb")):
            relay.veth(ifname, self[name], "wan")
            relay.sysctl(f"net.ipv6.conf.{ifname}.disable_ipv6", 1)
            set_addresses(self[name], "wan", *ADDRESSES[name]["wan"])
            self.check(name, [find("ethtool") or "ethtool", "-K", "wan", *_OFF])
        with (self.folder / "relay.log").open("wb") as log:
            self._process = self.spaces.run(
                "relay",
                [sys.executable, "-m", "tests.lab.relay", str(self._seed)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                cwd=_ROOT,
            )
        self._ask("{}")

    def _ask(self, line: str) -> str:
        given, told = self._process.stdin, self._process.stdout
        if given is None or told is None:
            raise LabError("the relay has no pipes")
        given.write(line.encode() + b"\n")
        given.flush()
        answer = told.readline().decode()
        if not answer:
            raise LabError(f"the relay ended:\n{(self.folder / 'relay.log').read_text()}")
        return answer
