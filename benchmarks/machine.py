"""What the numbers were measured on: a number without its machine means little."""

import os
import platform
import re
import subprocess
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from cryptography.hazmat.backends.openssl.backend import backend

from tests.lab.needs import find


def describe() -> dict[str, str]:
    """Return processor, kernel and versions, by name."""
    found = {
        "processor": f"{os.cpu_count()} x {_processor()}",
        "kernel": platform.release(),
        "python": platform.python_version(),
        "cryptography": f"{version('cryptography')} ({backend.openssl_version_text()})",
        "numpy": _installed("numpy"),
        "memory": f"{os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') >> 20} MiB",
        "load at the beginning": f"{os.getloadavg()[0]:.2f} in the minute before",
    }
    for name, argv in (("strongswan", ["swanctl", "--help"]), ("iperf3", ["iperf3", "--version"])):
        path = find(argv[0])
        found[name] = _version_of([path, *argv[1:]]) if path else "not installed"
    return found


def _installed(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"


def _processor() -> str:
    text = Path("/proc/cpuinfo").read_text()
    name = re.search(r"^model name\s*:\s*(.*)$", text, re.MULTILINE)
    speed = re.search(r"^cpu MHz\s*:\s*(\d+)", text, re.MULTILINE)
    model = name[1] if name else platform.machine()
    return f"{model}, {speed[1]} MHz" if speed else model


def _version_of(argv: list[str]) -> str:
    done = subprocess.run(argv, capture_output=True, text=True, check=False)  # noqa: S603 -- as found
    number = re.search(r"\d+(\.\d+)+", done.stdout + done.stderr)
    return number[0] if number else "unknown"
