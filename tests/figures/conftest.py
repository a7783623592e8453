"""What the figure tests share: the shipped registry, an empty store, and one that holds all of a figure."""

from pathlib import Path

import pytest
from figures_kit import Add, add_run, fill

from analogcli.registry import Registry, load
from analogcli.store import Store


@pytest.fixture(scope="session")
def registry() -> Registry:
    """The shipped registry."""
    return load()


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """An empty store."""
    return Store.open(str(tmp_path / "analog.db"))


@pytest.fixture
def add(store: Store) -> Add:
    """Store a run with given accuracies: ``add(spec, [[0.1, 0.9], …], status="finished")``."""
    return lambda spec, models, status="finished": add_run(store, spec, models, status)


@pytest.fixture(scope="session")
def fig4_store(tmp_path_factory: pytest.TempPathFactory, registry: Registry) -> Store:
    """A store with every run of figure 4; tests only read it."""
    store = Store.open(str(tmp_path_factory.mktemp("fig4") / "analog.db"))
    fill(store, registry.curves(registry.figure("fig4")))
    return store
