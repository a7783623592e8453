"""Files from strangers: reading a spec, a checkpoint, weights or a folder of simulations carries out nothing of them,
writes nowhere but into the store's folder, and leaves no half of a run behind."""

import copy
import json
import os
import pickle
import shutil
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from analogcli.errors import AnalogError, SpecError, StoreError, UsageError
from analogcli.export.seed_import import import_simulation, simulations
from analogcli.nn.models.pretrained import load_pretrained
from analogcli.registry import load
from analogcli.spec import TorchvisionModel, build, load_yaml, parse_value
from analogcli.store import Store, copy_runs, schema

REGISTRY = load()
NAME = "20240725164158-MNIST-double-linear-1000.0"
SETTINGS: dict[str, Any] = {
    "task": "mnist5k", "seed": 100, "padding": 2, "batch_size": 10, "layers": [4], "epochs": 2, "input_scale": 0.65,
    "voltage_noise": 1.5e-06, "resistor_noise": 0.0, "init": 0.01, "loss": 0.5, "swap_accuracy": 50.0,
    "optimizer_parameters": {"lr": 1000.0, "field": ["double-linear"], "device_variability": 0.2, "clipping": 0.1},
}  # fmt: skip


class Evil:
    """A pickle that makes a file when it is read."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> Any:
        return os.mkdir, (str(self.mark),)


@pytest.fixture
def mark(tmp_path: Path) -> Path:
    """What is there if somebody's code was carried out."""
    return tmp_path / "carried-out"


def simulation(folder: Path, **changes: Any) -> Path:
    """A folder of one simulation of one model, as small as they come."""
    folder.mkdir(parents=True, exist_ok=True)
    shapes = {"layers.1": (4, 1024), "layers.4": (10, 4)}
    state = {f"{name}.weight{i}": torch.zeros(shape) for name, shape in shapes.items() for i in (1, 2)}
    parts = {"": state, "-accuracies": torch.tensor([0.1, 0.2]), "-gradients": torch.tensor([1.0, 2.0])}
    for part, value in parts.items():
        torch.save(value, folder / f"{NAME}-0{part}.pth")
    (folder / f"{NAME}-0.json").write_text(json.dumps(SETTINGS | changes))
    return folder


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store.open(str(tmp_path / "store" / "analog.db"))


def test_a_sound_folder_is_imported_once(store: Store, tmp_path: Path) -> None:
    (found,) = simulations(simulation(tmp_path / "in"))
    assert [import_simulation(store, REGISTRY, found)[1] for _ in range(2)] == [True, False]
    assert [run.status for run in store.runs()] == ["finished"]


def test_what_a_killed_import_left_is_imported_anew(store: Store, tmp_path: Path) -> None:
    (found,) = simulations(simulation(tmp_path / "in"))
    run, _ = import_simulation(store, REGISTRY, found)
    with store.sessions() as session, session.begin():
        session.execute(sa.text("UPDATE runs SET status = 'running', process_started = 0"))
        session.execute(sa.text("DELETE FROM epochs WHERE epoch = 2"))
    again, new = import_simulation(store, REGISTRY, found)
    assert new and again.id != run.id and [run.epochs_done for run in store.runs()] == [2]


@pytest.mark.parametrize("part", ["", "-accuracies", "-gradients"])
@pytest.mark.parametrize("how", ["torch", "plain"])
def test_a_pickle_with_code_is_not_carried_out(store: Store, tmp_path: Path, mark: Path, part: str, how: str) -> None:
    path = simulation(tmp_path / "in") / f"{NAME}-0{part}.pth"
    if how == "torch":
        torch.save({"a": Evil(mark)}, path)
    else:
        path.write_bytes(pickle.dumps(Evil(mark), protocol=2))
    (found,) = simulations(tmp_path / "in")
    with pytest.raises(UsageError, match=r"cannot be read \(.*\); restore it"):
        import_simulation(store, REGISTRY, found)
    assert not mark.exists() and store.runs() == []
    pickle.loads(pickle.dumps(Evil(mark)))
    assert mark.exists(), "the pickle does what it says where it is trusted"


def test_nor_is_one_given_as_pretrained_weights(workspace: Path, mark: Path) -> None:
    torch.save({"a": Evil(mark)}, workspace / "weights.pth")
    model = REGISTRY.spec("cifar-finetune", overrides={"task.model.pretrained": "weights.pth"}).task.model
    assert isinstance(model, TorchvisionModel)
    with pytest.raises(SpecError, match=r"does not hold tensors that torch\.save wrote"):
        load_pretrained(torch.nn.Linear(1, 1), model)
    assert not mark.exists()


YAML_WITH_CODE = ["!!python/object/apply:os.mkdir [{}]", "!!python/object/new:os.mkdir [{}]", "!!python/name:os.mkdir"]


@pytest.mark.parametrize("tag", YAML_WITH_CODE)
def test_yaml_with_code_is_not_carried_out(tmp_path: Path, mark: Path, tag: str) -> None:
    text = tag.format(mark)
    with pytest.raises(SpecError, match="is not valid YAML"):
        load_yaml(f"task: {text}", "spec.yaml")
    assert parse_value(text) == text
    folder = tmp_path / "registry" / "figures"
    folder.mkdir(parents=True)
    (folder / "mine.yaml").write_text(f"id: {text}")
    with pytest.raises(SpecError, match=r"mine.yaml is not a valid figure"):
        load(tmp_path / "registry")
    assert not mark.exists()


def test_naming_a_device_of_ones_own_does_not_run_it_nor_the_package_that_it_is_in(
    workspace: Path, mark: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    code = f"import os; os.mkdir({str(mark)!r})"
    (workspace / "their_package").mkdir()
    for file in ("their_package/__init__.py", "their_package/device.py", "device.py"):
        (workspace / file).write_text(code)
    monkeypatch.syspath_prepend(str(workspace))
    for law in ("device.py:Law", "their_package.device:Law"):
        spec = REGISTRY.spec("mnist-fcn", setting="tt-v1", overrides={"device": {"kind": "custom", "law": law}})
        assert build(load_yaml(spec.to_yaml(), "itself")).hash == spec.hash
    assert not mark.exists()


@pytest.mark.parametrize("end", [".json", ".pth"])
def test_a_link_out_of_an_imported_folder_is_refused(store: Store, tmp_path: Path, end: str) -> None:
    folder = simulation(tmp_path / "in")
    path = folder / f"{NAME}-0{end}"
    shutil.move(path, tmp_path / "secret")
    path.symlink_to(tmp_path / "secret")
    with pytest.raises(UsageError, match="is a link that leads out of"):
        import_simulation(store, REGISTRY, simulations(folder)[0])
    assert store.runs() == []


VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=5)
    | st.sampled_from(["../x.py:Y", "~a.py:B"]),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
)


@given(st.data())
@settings(derandomize=True, deadline=None, database=None, max_examples=30, suppress_health_check=list(HealthCheck))
def test_whatever_stands_in_the_files_it_is_imported_whole_or_not_at_all(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    folder = tmp_path_factory.mktemp("simulation")
    changed = copy.deepcopy(SETTINGS)
    for _ in range(data.draw(st.integers(1, 2))):
        part = changed["optimizer_parameters"]
        where = changed if data.draw(st.booleans()) or not isinstance(part, dict) else part
        where[data.draw(st.sampled_from(sorted(where)) | st.text(max_size=3))] = data.draw(VALUES)
    simulation(folder, **changed)
    if data.draw(st.booleans()):
        file = folder / f"{NAME}-0{data.draw(st.sampled_from(['', '-accuracies', '-gradients']))}.pth"
        torch.save(
            data.draw(st.sampled_from([torch.zeros(2, 2), {}, {"a": torch.zeros(1)}, [1], torch.tensor(1.0)])), file
        )
    store = Store.open(str(folder / "store" / "analog.db"))
    try:
        run, _ = import_simulation(store, REGISTRY, simulations(folder)[0])
    except AnalogError as exc:
        assert "\n" not in str(exc) and store.runs() == []
    else:
        assert run.status == "finished"
    store.sessions.kw["bind"].dispose()


@pytest.mark.parametrize("path", ["../../victim", "/victim", "checkpoints/../../victim", "checkpoints"])
def test_a_database_cannot_name_files_outside_of_its_folder(store: Store, tmp_path: Path, path: str) -> None:
    import_simulation(store, REGISTRY, simulations(simulation(tmp_path / "in"))[0])
    victim = tmp_path / "victim"
    victim.write_text("precious")
    with store.sessions() as session, session.begin():
        session.execute(
            sa.text("UPDATE checkpoints SET path = :p"), {"p": path.replace("/victim", str(victim), path[0] == "/")}
        )
    run = store.runs()[0]
    saved = store.saved_state(run.models[0])
    assert saved is not None
    with pytest.raises(StoreError, match="names a checkpoint outside of its folder"):
        store.load_state(saved)
    other = Store.open(str(tmp_path / "other" / "analog.db"))
    (copied,) = copy_runs(store, other)[1]
    assert copied.problems and "is not a file of this run" in copied.problems[0]
    assert victim.read_text() == "precious"


@pytest.mark.parametrize("run_id", ["..", "../..", "/", "", "."])
def test_nor_can_the_id_of_a_run(store: Store, tmp_path: Path, run_id: str) -> None:
    import_simulation(store, REGISTRY, simulations(simulation(tmp_path / "in"))[0])
    (run,) = store.runs()
    with store.sessions() as session, session.begin():
        row = session.get_one(schema.Run, run.id)
        session.add(schema.Run(**{c.key: getattr(row, c.key) for c in schema.Run.__table__.c} | {"id": run_id}))
    with pytest.raises(StoreError, match="outside of its folder"):
        store.delete(run_id)
    assert (tmp_path / "store" / "analog.db").is_file() and store.problems() == []
