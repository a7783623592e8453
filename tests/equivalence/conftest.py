"""AIHWKit's pulses have no seed: a comparison that fails is drawn once more, and what differs in law fails twice."""

from pathlib import Path

import pytest

HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Draw again, once, in this folder."""
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.flaky(reruns=1))
