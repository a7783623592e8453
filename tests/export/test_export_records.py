"""Reproduction records say what the store says, tables what the records say, and the README what the tables say."""

import shlex
from collections.abc import Callable
from pathlib import Path
from statistics import fmean, pstdev

import pytest
import yaml
from command_kit import Done

from analogcli.errors import UsageError
from analogcli.export.markdown import fill, table
from analogcli.export.record import Record, read_records
from analogcli.registry import load
from analogcli.spec import build

ROOT = Path(__file__).parents[2]
REGISTRY = load()
RECORDS = [
    pytest.param(record, id=f"{file.stem}-{record.spec_hash[:8]}")
    for file in sorted((ROOT / "results" / "reproduction").glob("*.jsonl"))
    for record in read_records(file)
]
SMALL = ("run", "digits-fcn", "--setting", "fp-sgd", "--epochs", "6", "--n-models", "2", "--quiet")


@pytest.fixture
def file(analog: Callable[..., Done], workspace: Path) -> Path:
    """A file of records with one line, of a small run."""
    assert analog(*SMALL).code == 0
    done = analog("export", "last", "--format", "record")
    assert done.out.strip() == "results/reproduction/digits-fcn.jsonl"
    return workspace / done.out.strip()


def test_a_record_says_what_came_out_of_which_spec(file: Path) -> None:
    from analogcli.store import Store

    (run,) = Store.open(None).runs()
    (record,) = read_records(file)
    last_RE = [[e.test_accuracy for e in model.epochs if e.test_accuracy is not None][-5:] for model in run.models]
    assert record.models == pytest.approx([100 * fmean(model) for model in last_RE], rel=1e-5)
    assert record.last_epochs == 5
    assert record.spec_hash == run.spec_hash == build(record.spec).hash
    assert record.seconds == pytest.approx(run.seconds, abs=0.1)
    assert record.versions["torch"] and record.device and record.finished == run.updated_at.date().isoformat()


def test_a_record_says_what_was_left_after_drift(analog: Callable[..., Done], workspace: Path) -> None:
    assert analog(*SMALL).code == 0
    for compensation in ("none", "global"):
        words = ("--times", "0,1e7", "--repeats", "3", "--drift-compensation", compensation, "--quiet")
        assert analog("infer", "last", *words).code == 0
    analog("export", "last", "--format", "record")
    (record,) = read_records(workspace / "results/reproduction/digits-fcn.jsonl")
    said = analog("infer", "last", "--times", "0,1e7", "--repeats", "3", "--json").json["times"]
    by_compensation = {d.memory["drift_compensation"]: d for d in record.drifted}
    assert by_compensation.keys() == {"none", "global"}
    assert all((d.seconds, d.n) == (1e7, 6) for d in record.drifted)
    (last,) = [one for one in said if one["seconds"] == 1e7]
    assert by_compensation["global"].mean == pytest.approx(100 * last["accuracy"], abs=1e-3)
    drifted = by_compensation["none"]
    assert f"| {drifted.mean:.2f} ± {drifted.std:.2f} |" in table([record])
    assert "after 1e+07 s, drift compensation none" in table([record])


def test_a_run_that_is_exported_again_takes_the_place_of_its_older_line(
    analog: Callable[..., Done], file: Path
) -> None:
    analog(*SMALL, "--seed", "5")
    analog("export", "last", "--format", "record")
    before = read_records(file)
    assert [record.spec["seed"] for record in before] == [0, 5]
    analog(*SMALL, "--again")
    analog("export", "last", "--format", "record")
    after = read_records(file)
    assert [r.spec_hash for r in after] == [r.spec_hash for r in before]
    assert [r.models for r in after] == [r.models for r in before], "the run repeats bit for bit"


def test_a_result_that_takes_the_place_of_another_is_said_so(analog: Callable[..., Done], file: Path) -> None:
    (record,) = read_records(file)
    file.write_text(record.model_copy(update={"models": (1.0, 2.0), "mean": 1.5}).model_dump_json(), encoding="utf-8")
    said = analog("export", "last", "--format", "record").err
    assert f"{record.command}`: {record.mean:.6g} takes the place of 1.5" in said
    assert read_records(file) == [record]
    assert "takes the place" not in analog("export", "last", "--format", "record").err, "the same is no other result"


def test_all_finished_runs_of_a_figure_are_exported(analog: Callable[..., Done], workspace: Path) -> None:
    assert analog("run", "digits-fcn", "--setting", "fp-sgd", "--quiet").code == 0
    done = analog("export", "demo", "--format", "record")
    assert done.code == 0, done.err
    (record,) = read_records(workspace / "results" / "reproduction" / "demo.jsonl")
    assert record.command == "analog run digits-fcn --setting fp-sgd"


def test_an_unfinished_run_has_no_record(analog: Callable[..., Done], file: Path) -> None:
    from analogcli.store import Store

    store = Store.open(None)
    store.end(store.runs()[0].id, "interrupted")
    done = analog("export", "last", "--format", "record")
    assert done.code == 2
    assert "interrupted" in done.err and "analog resume" in done.err


def test_marked_tables_are_made_anew_and_nothing_else_changes(analog: Callable[..., Done], file: Path) -> None:
    text = "before\n<!-- records: digits-fcn -->\n| old |\n<!-- end of records -->\nafter\n"
    readme = file.parents[2] / "README.md"
    readme.write_text(text, encoding="utf-8")
    assert analog("records", "--into", "README.md", "--check").code == 1
    assert readme.read_text(encoding="utf-8") == text
    assert analog("records", "--into", "README.md").code == 0
    assert analog("records", "--into", "README.md", "--check").code == 0
    made = readme.read_text(encoding="utf-8")
    assert made == text.replace("| old |\n", table(read_records(file)))
    assert f"{read_records(file)[0].mean:.2f} ± " in made


def test_a_damaged_line_is_named(file: Path) -> None:
    file.write_text(file.read_text(encoding="utf-8")[:-40] + "\n", encoding="utf-8")
    with pytest.raises(UsageError, match=r"digits-fcn\.jsonl has a line that is no record"):
        read_records(file)


@pytest.mark.parametrize("record", RECORDS)
def test_the_command_of_a_record_makes_its_run(record: Record, analog: Callable[..., Done]) -> None:
    _, *words = shlex.split(record.command)
    done = analog(*words, "--dry-run")
    assert done.code == 0, done.err
    assert build(yaml.safe_load(done.out)).hash == record.spec_hash


@pytest.mark.parametrize("record", RECORDS)
def test_the_numbers_of_a_record_agree_with_each_other_and_with_the_registry(record: Record) -> None:
    assert record.mean == pytest.approx(fmean(record.models), rel=1e-5)
    if len(record.models) > 1:
        # The std at an epoch, mean over epochs, is never below that of the models' means.
        assert record.std is not None
        assert record.std >= pstdev(record.models) * (1 - 1e-4)
    else:
        assert record.std is None
    assert len(record.models) == record.spec["n_models"]
    known = REGISTRY.published(build(record.spec))
    if record.published is not None:
        assert known is not None
        assert (known.value, known.std, known.relaxed) == (
            record.published.value,
            record.published.std,
            record.published.relaxed,
        )


def test_the_tables_of_the_readme_are_those_of_the_records() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert fill(text, ROOT / "results" / "reproduction") == text, "`analog records --into README.md` makes them anew"
