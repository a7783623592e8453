"""An open store on either engine: a test that asks for it runs on both."""

import pytest

from analogcli.store import Store


@pytest.fixture
def store(address: str) -> Store:
    return Store.open(address)
