"""``--soak``: tests that repeat themselves do so ten times as often, and none is left out."""

import pytest
from hypothesis import settings

settings.register_profile("soak", max_examples=1000, deadline=None)
settings.register_profile("ci", deadline=None)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option."""
    parser.addoption("--soak", action="store_true", help="repeat the long tests ten times as often")


def pytest_configure(config: pytest.Config) -> None:
    """Choose how many examples hypothesis draws where a test leaves it open."""
    settings.load_profile("soak" if config.getoption("--soak") else "ci")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave the thorough cases to the soak."""
    if config.getoption("--soak"):
        return
    for item in items:
        if item.get_closest_marker("thorough"):
            item.add_marker(pytest.mark.skip(reason="another case: with --soak"))


@pytest.fixture(scope="session")
def times(request: pytest.FixtureRequest) -> int:
    """By how much a test that repeats itself multiplies its runs."""
    return 10 if request.config.getoption("--soak") else 1
