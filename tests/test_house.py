import subprocess
import sys
from pathlib import Path
from runpy import run_path
from typing import Any

import pytest

CI = Path(__file__).parent.parent / ".ci"
HOUSE: dict[str, Any] = run_path(str(CI / "check_house.py"))


def found_in(root: Path, files: dict[str, str]) -> list[str]:
    for path, text in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text)
    return [str(finding) for finding in HOUSE["findings"](root, list(files))]


def test_a_module_with_its_twin_is_in_order(tmp_path: Path) -> None:
    files = {"esp/sa.py": "SA = 1\n", "tests/esp/test_sa.py": "assert True\n"}
    assert found_in(tmp_path, files) == []


@pytest.mark.parametrize(
    ("path", "twin"),
    [
        ("ikev2/payloads/ke.py", "tests/ikev2/payloads/test_ke.py"),
        ("esp/__init__.py", "tests/esp/test_init.py"),
        ("ikebana/__main__.py", "tests/ikebana/test_main.py"),
    ],
)
def test_a_module_that_defines_something_needs_its_twin(
    tmp_path: Path, path: str, twin: str
) -> None:
    files = {path: "def f() -> None: ...\n"}
    assert found_in(tmp_path, files) == [f"{path}:1: has no twin: write {twin}"]
    assert found_in(tmp_path, {**files, twin: ""}) == []


def test_a_package_that_is_only_a_door_needs_no_twin(tmp_path: Path) -> None:
    door = '"""The kernel."""\nfrom tundev.tun import Tun\n'
    assert found_in(tmp_path, {"tundev/__init__.py": door}) == []


def test_tests_and_benchmarks_need_no_twin(tmp_path: Path) -> None:
    assert found_in(tmp_path, {"tests/net.py": "", "benchmarks/esp.py": ""}) == []


def test_four_hundred_lines_are_the_most(tmp_path: Path) -> None:
    assert found_in(tmp_path, {"tests/net.py": "x = 1\n" * 400}) == []
    (finding,) = found_in(tmp_path, {"tests/net.py": "x = 1\n" * 401})
    assert finding.startswith("tests/net.py:401: 401 lines")


def test_the_root_holds_only_what_the_house_lists(tmp_path: Path) -> None:
    (finding,) = found_in(tmp_path, {"PLAN.md": "", "docs/README.md": ""})
    assert finding.startswith("PLAN.md:1: does not belong at the root")


def test_assert_stays_in_the_tests(tmp_path: Path) -> None:
    door = "if True:\n    assert 1\n"
    (finding,) = found_in(tmp_path, {"esp/__init__.py": door, "tests/net.py": door})
    assert finding.startswith("esp/__init__.py:2: assert in shipped code")


def test_no_file_names_a_package_registry(tmp_path: Path) -> None:
    address = "https://pypi" + ".org/simple"
    (finding,) = found_in(tmp_path, {"docs/set-up.md": f"\n\nSee {address}.\n"})
    assert finding.startswith("docs/set-up.md:3: names a package registry")


@pytest.mark.parametrize(
    "line",
    [
        "--index-url" + " https://mirror.example/simple",
        "--find-links /somewhere",
        "-e .",
        "a @ file:///a.whl",
    ],
)
def test_the_lock_holds_only_names_versions_and_hashes(tmp_path: Path, line: str) -> None:
    lock = f"# made by make lock\n{line}\nb==1 \\\n    --hash=sha256:00\n    # via c\n"
    (finding,) = found_in(tmp_path, {"requirements.lock": lock})
    assert finding.startswith("requirements.lock:2: ")


def test_a_recorded_vector_is_not_read_as_text(tmp_path: Path) -> None:
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests/esp.bin").write_bytes(b"\xff\xfe\xfd")
    assert list(HOUSE["findings"](tmp_path, ["tests/esp.bin"])) == []


def test_the_interop_table_tells_each_scenario_and_the_sum(tmp_path: Path) -> None:
    report = tmp_path / "interop.xml"
    report.write_text(
        "<testsuites><testsuite>"
        '<testcase classname="tests.interop.test_nat" name="test_we_are_behind_it" time="1.25"/>'
        '<testcase classname="tests.interop.test_scenarios" name="test_it_plays_out[esn]" time="3">'
        '<properties><property name="peer" value="kernel"/></properties></testcase>'
        '<testcase classname="tests.interop.test_nat" name="test_it_is_behind_it" time="0">'
        '<skipped message="not root"/></testcase></testsuite></testsuites>'
    )
    table = subprocess.run(  # noqa: S603  our own script
        [sys.executable, CI / "interop_table.py", report],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert table.splitlines() == [
        "nat: we are behind it             ok            1.2 s",
        "scenarios: esn         kernel     ok            3.0 s",
        "nat: it is behind it              left out      0.0 s  not root",
        "",
        "3 scenarios: 2 ok, 1 left out",
    ]
