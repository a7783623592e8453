"""What the data tests share: a user without data, network or environment of their own, and a place for full MNIST."""

import os
from pathlib import Path

import pytest

from analogcli import data

NOWHERE = "http://127.0.0.1:9"
"""The discard port of this machine, where nobody answers."""


@pytest.fixture
def full_mnist() -> str:
    """The folder that holds the complete MNIST; the test is skipped where there is none."""
    if not os.environ.get("ANALOG_DATA_DIR") or not data.available("mnist"):
        pytest.skip("the complete MNIST is not in ANALOG_DATA_DIR")
    return os.environ["ANALOG_DATA_DIR"]


@pytest.fixture
def bare_user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A user with an empty home and no data; returns the home."""
    monkeypatch.delenv("ANALOG_DATA_DIR", raising=False)
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path


@pytest.fixture
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every request goes to a proxy that is not there, on machines with internet too."""
    for variable in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"):
        monkeypatch.setenv(variable, NOWHERE)
    for variable in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(variable, raising=False)
