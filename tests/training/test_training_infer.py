"""Accuracy after programming: stored at once, a function of seed, repeat and time, falling with time."""

import signal
from collections.abc import Callable
from typing import Any

import pytest
from command_kit import Done, Running, wait_until

from analogcli.backends import get
from analogcli.errors import BackendError
from analogcli.store import Inferences, Store

try:
    get("aihwkit").check()
    reason = ""
except BackendError as exc:
    reason = str(exc)
needs_aihwkit = pytest.mark.skipif(bool(reason), reason=reason or "AIHWKit works")

DIGITS = ("run", "digits-fcn", "--dataset", "mnist5k", "--quiet")
FEW = ("--times", "0,1e5", "--repeats", "2")
SETTINGS = {
    "fp-sgd": ("--setting", "fp-sgd"),
    "analog-sgd": ("--setting", "analog-sgd"),
    "tt-v1": ("--setting", "tt-v1"),
    "hwa": ("--setting", "hwa"),
}
AIHWKIT = {name: (*SETTINGS[name], "--backend", "aihwkit") for name in ("tt-v1", "hwa")}


def trained(analog: Callable[..., Done], *words: str, epochs: int = 1) -> str:
    """Train on the digits and return the id of the run."""
    done = analog(*DIGITS, "--epochs", str(epochs), *words, "--json")
    assert done.code == 0, done.err
    return str(done.json["id"])


def inferred(analog: Callable[..., Done], *words: str) -> dict[str, Any]:
    done = analog("infer", *words, "--json")
    assert done.code == 0, done.err
    return dict(done.json)


def numbers(data: dict[str, Any]) -> dict[tuple[int, int, float | None], tuple[float, float]]:
    return {(r["model"], r["repeat"], r["seconds"]): (r["test_loss"], r["test_accuracy"]) for r in data["results"]}


@pytest.mark.parametrize(
    "words",
    [*SETTINGS.values(), *(pytest.param(w, marks=[needs_aihwkit, pytest.mark.aihwkit]) for w in AIHWKIT.values())],
    ids=" ".join,
)
def test_any_finished_run_can_be_programmed(analog: Callable[..., Done], words: tuple[str, ...]) -> None:
    accuracy = analog("show", trained(analog, *words), "--json").json["models"][0]["epochs"][-1]["test_accuracy"]
    data = inferred(analog, "last", *FEW)
    assert set(numbers(data)) == {(0, 0, None), *((0, repeat, t) for repeat in (0, 1) for t in (0.0, 1e5))}
    # The weights before programming are those that were trained, read with new noise.
    assert numbers(data)[0, 0, None][1] == pytest.approx(accuracy, abs=0.05)
    assert data["settings"]["drift_compensation"] == "global"
    assert [point["n"] for point in data["times"]] == [1, 2, 2]


@pytest.mark.parametrize("setting", ["fp-sgd", "analog-sgd", "hwa"])
def test_a_result_depends_on_seed_repeat_and_time_alone(analog: Callable[..., Done], setting: str) -> None:
    trained(analog, "--setting", setting, "--n-models", "2", epochs=1)
    at_once = numbers(inferred(analog, "last", "--times", "0,20,1e5", "--repeats", "3"))
    again = numbers(inferred(analog, "last", "--times", "1e5", "--repeats", "2", "--again"))
    alone = numbers(inferred(analog, "last", "--times", "0,20,1e5", "--repeats", "3", "--again", "--fuse", "1"))
    assert again == {key: at_once[key] for key in again}
    # Products of several matrices at once may round differently from one product.
    assert all(alone[key][1] == pytest.approx(at_once[key][1], abs=0.004) for key in at_once)
    assert len(set(at_once.values())) == len(at_once)


def test_what_is_stored_is_shown_and_only_the_rest_is_computed(
    analog: Callable[..., Done], monkeypatch: pytest.MonkeyPatch
) -> None:
    run = trained(analog, "--setting", "hwa")
    first = inferred(analog, run, *FEW)
    more = inferred(analog, run, "--times", "0,20,1e5", "--repeats", "3")
    assert numbers(first).items() <= numbers(more).items()
    rows = Store.open(None, create=False).counts()["inferences"]
    assert rows == 1 + 9
    inferred(analog, run, *FEW, "--drift-compensation", "none")
    assert Store.open(None, create=False).counts()["inferences"] == rows + 5
    # Data that are no longer there are not asked for.
    monkeypatch.setattr("analogcli.data.load", None)
    assert numbers(inferred(analog, run, *FEW)) == numbers(first)


def test_deleting_a_run_deletes_its_inferences(analog: Callable[..., Done]) -> None:
    run = trained(analog, "--setting", "fp-sgd")
    inferred(analog, run, *FEW)
    store = Store.open(None, create=False)
    store.delete(run)
    assert store.counts()["inferences"] == 0


def check_that_drift_costs_accuracy_and_compensation_saves_some(analog: Callable[..., Done], run: str) -> None:
    """After 1e9 s, some thirty years, at which the difference is several times its standard error."""
    old, repeats = 1e9, "4"
    rise, accuracy = {}, {}
    for compensation in ("none", "global"):
        words = ("--times", f"0,{old}", "--repeats", repeats, "--drift-compensation", compensation)
        point = {point["seconds"]: point for point in inferred(analog, run, *words)["times"]}
        rise[compensation] = point[old]["loss"] - point[0]["loss"]
        accuracy[compensation] = {seconds: point[seconds]["accuracy"] for seconds in (0, old)}
    assert accuracy["none"][old] < accuracy["none"][0] - 0.005
    assert accuracy["none"][old] < accuracy["global"][old]
    assert rise["none"] > 2 * rise["global"]


def test_accuracy_falls_with_time_and_less_with_compensation(analog: Callable[..., Done]) -> None:
    check_that_drift_costs_accuracy_and_compensation_saves_some(analog, trained(analog, *SETTINGS["fp-sgd"], epochs=8))


@needs_aihwkit
@pytest.mark.aihwkit
def test_so_it_does_on_aihwkit(analog: Callable[..., Done]) -> None:
    """A network that was trained as in floating point: hardware-aware training without any noise."""
    exact = [f"algorithm.{name}=0" for name in ("modifier.std_dev", "modifier.pdrop", "clip.fixed_value")]
    words = [word for field in (*exact, "periphery.forward.perfect=true") for word in ("--set", field)]
    run = trained(analog, *AIHWKIT["hwa"], *words, "--lr", "0.2", epochs=5)
    check_that_drift_costs_accuracy_and_compensation_saves_some(analog, run)


def test_a_killed_inference_keeps_what_it_had_and_goes_on(
    analog: Callable[..., Done], fork: Callable[..., Running]
) -> None:
    run = trained(analog, "--setting", "hwa")
    words = ("infer", run, "--times", "0,1,20,1000", "--repeats", "20")
    store = Store.open(None, create=False)
    running = fork(*words)
    wait_until(lambda: store.counts()["inferences"] >= 5)
    running.send(signal.SIGKILL)
    running.finish()
    kept = Inferences(store).of(store.run(run))[0][1]
    assert 5 <= len(kept) < 81
    assert analog(*words[:4], "--repeats", "3").code == 0
    assert set(kept) <= set(Inferences(store).of(store.run(run))[0][1])


def test_a_regression_shows_its_loss(analog: Callable[..., Done]) -> None:
    done = analog("run", "aihwkit-01", "--epochs", "2", "--backend", "native", "--quiet")
    assert done.code == 0, done.err
    shown = analog("infer", "last", *FEW)
    assert shown.code == 0, shown.err
    assert "accuracy" not in shown.out
    assert "before programming" in shown.out
    assert analog("plot", "drift", "--format", "svg").code == 0


MISTAKES = [
    (("last", "--times", "0,-1"), "--times -1 is not allowed; a time since programming is 0 s or later"),
    (("last", "--times", "0,soon"), "--times 'soon' is not a number"),
    (("last", "--times", "0,nan"), "--times nan is not allowed"),
    (("last", "--times", ""), "--times '' is not a number"),
    (("last", "--repeats", "0"), "Invalid value for '--repeats'"),
    (("last", "--drift-compensation", "some"), "Invalid value for '--drift-compensation'"),
    (("nosuchrun",), "no run is called 'nosuchrun'"),
]


@pytest.fixture
def stopped(analog: Callable[..., Done]) -> str:
    """A run that has not come to its end."""
    run = trained(analog, "--setting", "fp-sgd")
    store = Store.open(None, create=False)
    store.end(run, "interrupted")
    return run


@pytest.mark.parametrize(("words", "sentence"), MISTAKES)
def test_a_mistake_is_one_sentence(
    analog: Callable[..., Done], stopped: str, words: tuple[str, ...], sentence: str
) -> None:
    done = analog("infer", *words)
    assert done.code == 2
    assert sentence in " ".join(done.err.split())


def test_a_run_that_is_not_finished_says_how_to_finish_it(analog: Callable[..., Done], stopped: str) -> None:
    done = analog("infer", "last")
    assert done.code == 2
    assert done.err == (
        f"error: run {stopped[:8]} is interrupted after 1 of 1 epochs; `analog resume {stopped[:8]}` finishes it\n"
    )


def test_a_finished_run_that_lacks_a_checkpoint_names_the_model_and_the_way_out(analog: Callable[..., Done]) -> None:
    run = trained(analog, "--setting", "fp-sgd", "--n-models", "2")
    store = Store.open(None, create=False)
    saved = store.saved_state(store.run(run).models[1])
    assert saved is not None
    (store.folder / saved.file.path).unlink()
    # What is damaged is not copied: in the copy the run is finished, and one of its models has no checkpoint.
    assert analog("store", "copy", "results/analog.db", "copy/analog.db").code == 1
    done = analog("infer", run, *FEW, "--store", "copy/analog.db")
    assert done.code == 2
    assert done.err == (
        f"error: run {run[:8]} has no checkpoint of model 1; copy it again from a store that has it "
        "(`analog store copy`), or `analog run --again` trains it anew\n"
    )
    assert Store.open("copy/analog.db").counts()["inferences"] == 0


def test_a_picture_of_nothing_says_what_makes_something(analog: Callable[..., Done], stopped: str) -> None:
    done = analog("plot", "drift", "last")
    assert done.code == 2
    assert f"`analog infer {stopped[:8]}`" in done.err
    assert "`analog infer RUN`" in analog("plot", "drift").err


@pytest.mark.parametrize(
    "backend", ["native", pytest.param("aihwkit", marks=[needs_aihwkit, pytest.mark.aihwkit])], ids=str
)
def test_what_a_regression_predicts_is_stored_and_shown_at_every_time(
    analog: Callable[..., Done], backend: str
) -> None:
    assert analog("run", "aihwkit-05", "--quiet", "--backend", backend).code == 0
    data = inferred(analog, "last", "--times", "0,1,20,1000,1e5", "--repeats", "3")
    to_learn = [1.0, 0.5, 0.7, 0.3]
    for result in data["results"]:
        # In order, sample by sample, and near what was to be learnt; the loss is that of another read.
        squares = [(a - b) ** 2 for a, b in zip(result["predictions"], to_learn, strict=True)]
        assert sum(squares) / 4 < 0.08
    later = data["times"][-1]
    column = [r["predictions"][0] for r in data["results"] if r["seconds"] == later["seconds"]]
    assert later["predictions"][0] == pytest.approx(sum(column) / len(column))
    shown = analog("infer", "last", "--times", "0,1,20,1000,1e5", "--repeats", "3").out
    assert " ".join(f"{value:.3f}" for value in later["predictions"]) in shown


def test_classes_are_not_predicted_number_by_number(analog: Callable[..., Done]) -> None:
    trained(analog, "--setting", "fp-sgd")
    data = inferred(analog, "last", "--times", "0", "--repeats", "1")
    assert all(result["predictions"] is None for result in data["results"])
    assert "prediction" not in analog("infer", "last", "--times", "0", "--repeats", "1").out
