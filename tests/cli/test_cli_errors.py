"""Whatever a user gets wrong is one sentence that says what to type instead; a traceback is for nobody."""

import re
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest
from command_kit import TINY, Done

RUN = ("run", "mnist-fcn")
RESNET = ("run", "cifar-resnet")
LENET = ("run", "mnist-lenet5")
FINETUNE = ("run", "cifar-finetune")

MISTAKES: list[tuple[tuple[str, ...], str]] = [
    # names
    (("rnu", "mnist-fcn"), "Did you mean 'run'?"),
    ((*RUN, "--taau", "0.7"), "No such option: --taau"),
    (("run", "mnist-fcm"), "did you mean mnist-fcn"),
    (("run",), "say what to run: `analog run EXPERIMENT`, with one of"),
    ((*RUN, "--setting", "analog-sdg"), "did you mean analog-sgd"),
    ((*RUN, "--protocol", "respnse"), "did you mean response"),
    ((*RUN, "--dataset", "mnist5"), "mnist5k"),
    ((*RUN, "--backend", "nativ"), "did you mean native?"),
    ((*RUN, "--setting", "analog-sgd", "--device", "soft-bound"), "did you mean soft-bounds?"),
    (("list", "setings"), "error: no list is called 'setings'; did you mean settings?"),
    (("list", "everything"), "no list is called 'everything'; known: experiments, settings, figures, devices, runs."),
    (("list", "tt-v1"), "devices, runs. `analog about tt-v1` explains that one."),
    (("list", "Analog SGD"), "`analog about 'Analog SGD'` explains that one."),
    (("list", "figure4"), "did you mean figures? `analog about figure4` explains that one."),
    (("plot", "last", "--of", "nix"), "Invalid value for '--of': 'nix' is not one of 'result'"),
    (("sweep", "figg4"), "no figure is called 'figg4'"),
    (("sweep", "mnist-fcm", "--grid", "tau=0.5"), "did you mean mnist-fcn"),
    (("data", "mnst"), "did you mean mnist"),
    # values
    ((*RUN, "--epochs", "-1"), "task.epochs = -1 is not allowed"),
    ((*RUN, "--epochs", "many"), "Invalid value for '--epochs'"),
    ((*RUN, "--lr", "0"), "task.lr = 0.0 is not allowed"),
    ((*RUN, "--lr", "nan"), "task.lr = nan is not allowed"),
    ((*RUN, "--batch-size", "0"), "task.batch_size = 0 is not allowed"),
    ((*RUN, "--n-models", "0"), "n_models = 0 is not allowed"),
    ((*RUN, "--seed", "-1"), "seed = -1 is not allowed"),
    ((*RUN, "--setting", "analog-sgd", "--tau", "-0.5"), "device.tau = -0.5 is not allowed"),
    ((*RUN, "--cuda", "-2"), "--cuda"),
    ((*RUN, "--cuda", "first"), "--cuda"),
    ((*RUN, "--checkpoint-minutes", "0"), "--checkpoint-minutes 0.0"),
    ((*RUN, "--checkpoint-minutes", "nan"), "--checkpoint-minutes nan"),
    ((*RESNET, "--block-type", "D", "D", "D", "A", "A", "--dry-run"), "it must be six letters, D (digital) or A"),
    ((*RESNET, "-block-type", "D", "D", "D", "A", "A", "X"), "it must be six letters, D (digital) or A (analog)"),
    ((*RESNET, "-block-number", "2", "2", "2", "--dry-run"), "it must be four numbers"),
    ((*RESNET, "--block-number", "2", "0", "2", "2"), "task.model.blocks"),
    ((*RESNET, "--setting", "resl", "--set", "device.states=1"), "states"),
    ((*LENET, "--states", "1"), "states = 1.0 is not allowed; a device has 2 to"),
    ((*LENET, "--tiles", "1"), "algorithm.tiles = 1 is not allowed"),
    ((*LENET, "--gamma", "0"), "algorithm.gamma = 0.0 is not allowed; it must be greater than 0"),
    ((*LENET, "--gamma", "1.5"), "algorithm.gamma = 1.5 is not allowed; it must be less than 1"),
    ((*LENET, "--warm-start", "cod"), "algorithm.warm_start = 'cod' is not allowed; allowed: off, paper, code-mnist"),
    ((*LENET, "--setting", "fp-sgd", "--states", "4"), "has no device; leave out --states"),
    ((*LENET, "--setting", "tt-v1", "--tiles", "4"), "algorithm.tiles is not a field"),
    ((*RESNET, "--setting", "resl", "--gamma", "1"), "algorithm.gamma = 1.0 is not allowed"),
    ((*RESNET, "--io-perfect"), "setting fp-sgd is floating-point and reads no arrays; leave out --io-perfect"),
    ((*FINETUNE, "-TM", "FTT"), "task.model.train_mode = 'ftt' is not allowed; did you mean fft?"),
    ((*FINETUNE, "--pretrained", "nowhere.pt"), "there is no such file; give one, or none or imagenet"),
    ((*FINETUNE, "--model", "resnet19"), "task.model.name = 'resnet19' is not allowed; did you mean"),
    # things that do not go together
    ((*RESNET, "--setting", "resl", "--block-type", *"DDDDDD"), "leaves nothing on arrays"),
    ((*RUN, "--block-type", *"DDDAAA"), "task.model.block_type is not a field"),
    (("run", "mnist-cnn", "--dataset", "mnist5k", "--set", "task.augment.normalise=imagenet"), "needs colour images"),
    ((*RUN, "--setting", "fp-sgd", "--tau", "0.7"), "has no device; leave out --tau"),
    ((*RUN, "--setting", "tt-v1", "--backend", "digital"), "use --backend native or aihwkit"),
    ((*RUN, "--spec", "x.yaml"), "leave out EXPERIMENT"),
    (("compare", "--csv", "--md"), "choose one of --csv, --json and --md"),
    (("sweep", "mnist-fcn"), "is an experiment: say what to vary"),
    (("sweep", "fig4", "--setting", "tt-v1"), "a figure has its own settings and protocol"),
    # --set
    ((*RUN, "--set", "task.lr"), "is not of the form path=value"),
    ((*RUN, "--set", "=1"), "is not of the form path=value"),
    ((*RUN, "--set", "task..lr=1"), "is not of the form path=value"),
    ((*RUN, "--set", "task.lrr=1"), "task.lrr is not a field; did you mean lr"),
    ((*RUN, "--set", "task.lr={a: 1}"), "task.lr"),
    ((*RUN, "--set", "task.model=lenet5"), "task.model"),
    ((*RUN, "--set", "task.model.hidden=8"), "task.model.hidden = 8 is not allowed"),
    ((*RUN, "--set", "task.model.hidden=[8,-1]"), "task.model.hidden"),
    ((*RUN, "--set", "task.lr=[1"), "task.lr = '[1' is not allowed"),
    ((*RUN, "--set", "task=1"), "task"),
    ((*RUN, "--set", "algorithm.kind=magic"), "algorithm"),
    # spec files
    (("run", "--spec", "missing.yaml"), "missing.yaml cannot be read: No such file or directory"),
    (("run", "--spec", "."), "cannot be read: Is a directory"),
    (("run", "--spec", "binary.yaml"), "binary.yaml cannot be read: it is not text"),
    (("run", "--spec", "broken.yaml"), "broken.yaml is not valid YAML at line"),
    (("run", "--spec", "list.yaml"), "list.yaml does not hold a run spec"),
    (("run", "--spec", "empty.yaml"), "empty.yaml does not hold a run spec"),
    (("run", "--spec", "partial.yaml"), "is missing"),
    (("run", "--spec", "tag.yaml"), "tag.yaml is not valid YAML"),
    # grids
    (("sweep", "mnist-fcn", "--grid", "tau"), "is not of the form name=value,value"),
    (("sweep", "mnist-fcn", "--grid", "tau=,"), "is not of the form name=value,value"),
    (("sweep", "mnist-fcn", "--grid", "taau=0.5"), "did you mean tau"),
    (("sweep", "mnist-fcn", "--grid", "setting=1"), "no setting of protocol response is called '1'"),
    (("sweep", "mnist-fcn", "--grid", "protocol=null"), "no protocol of mnist-fcn is called 'null'"),
    (("sweep", "mnist-fcn", "--grid", "tau=0.5", "--grid", "device.tau=0.6"), "device.tau is an axis already"),
    (
        ("sweep", "mnist-fcn", "--grid", "setting=analog-sgd", "--grid", "tau=half"),
        "device.tau = 'half' is not allowed",
    ),
    (("sweep", "mnist-fcn", "--grid", "task.lrr=1"), "task.lrr is not a field"),
    (("sweep", "mnist-fcn", "--grid", "tau=0.5,0.6"), "--grid tau is of no setting here (fp-sgd)"),
    (("plot", "fig4", "fig5"), "fig4 is a figure of its own: draw it alone, `analog plot fig4`"),
    # data
    ((*RUN, "--dataset", "image-folder:nowhere"), "nowhere has no folders train and test"),
    ((*RUN, "--registry", "nowhere"), "--registry nowhere: there is no such folder"),
    # no store yet
    (("show",), "there is no store at results/analog.db yet; `analog run` or `analog demo` makes one"),
    (("compare", "last", "--epochs", "2"), "options that change runs go with a figure"),
    (("compare",), "there is no store at results/analog.db yet"),
    (("resume", "last"), "there is no store at results/analog.db yet"),
    (("export",), "there is no store at results/analog.db yet"),
    (("plot", "fig4"), "there is no store at results/analog.db yet"),
    (("store", "info"), "there is no store at results/analog.db yet"),
    (("store", "check"), "there is no store at results/analog.db yet"),
    (("store", "delete", "abc"), "there is no store at results/analog.db yet"),
    (("list", "runs", "--store", "nonsense://x"), "is neither a path nor a URL"),
    (("list", "runs", "--store", "sqlite://"), "in memory"),
]


def one_sentence(done: Done) -> str:
    """What was said, which must not be a traceback nor on stdout."""
    assert "Traceback" not in done.out + done.err
    assert done.out == ""
    errors = [line for line in done.err.splitlines() if line.startswith("error: ")]
    # Typer draws a box around what it finds wrong itself.
    return errors[-1] if errors else " ".join(word for word in done.err.replace("│", " ").split())


@pytest.fixture
def files(workspace: Path) -> None:
    (workspace / "binary.yaml").write_bytes(b"\xff\xfe\x00")
    (workspace / "broken.yaml").write_text("task:\n  - a: [1\n")
    (workspace / "list.yaml").write_text("- 1\n- 2\n")
    (workspace / "empty.yaml").write_text("")
    (workspace / "partial.yaml").write_text("seed: 1\n")
    (workspace / "tag.yaml").write_text("task: !!python/object/apply:os.system ['touch executed']\n")


@pytest.mark.usefixtures("files")
@pytest.mark.parametrize(("words", "sentence"), MISTAKES, ids=[" ".join(words) for words, _ in MISTAKES])
def test_a_mistake_is_one_sentence_and_exit_2(
    analog: Callable[..., Done], workspace: Path, words: tuple[str, ...], sentence: str
) -> None:
    before = sorted(workspace.iterdir())
    done = analog(*words)
    assert sentence in one_sentence(done)
    assert done.code == 2
    assert [path for path in sorted(workspace.iterdir()) if path.name != "results"] == before, "nothing was executed"


def test_without_network_and_data_the_three_ways_out_are_named(
    analog: Callable[..., Done], monkeypatch: pytest.MonkeyPatch
) -> None:
    for variable in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"):
        monkeypatch.setenv(variable, "http://127.0.0.1:9")  # where nobody answers
    done = analog(*RUN, "--epochs", "1")
    assert done.code == 2
    sentence = one_sentence(done)
    assert all(way in sentence for way in ("connect to the internet", "--data-dir", "--dataset mnist5k"))


STORES = {
    "notes.txt": "is not an analog store",
    "bookmarks.db": "is a database of something else",
    "notes.txt/analog.db": "notes.txt: ",
    "newer.db": "was written by a newer analog (schema 9999); update analog",
}


@pytest.mark.parametrize("store", STORES)
@pytest.mark.parametrize("command", ["run", "list", "show"])
def test_a_store_that_is_none_is_one_sentence_and_exit_1(
    analog: Callable[..., Done], workspace: Path, store: str, command: str
) -> None:
    from analogcli.store import Store

    (workspace / "notes.txt").write_text("not a database, but long enough to be looked at\n" * 10)
    with sqlite3.connect(workspace / "bookmarks.db") as connection:
        connection.execute("CREATE TABLE bookmarks (url TEXT)")
    Store.open("newer.db")
    with sqlite3.connect(workspace / "newer.db") as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    words = {"run": (*RUN, *TINY, "--epochs", "0"), "list": ("list", "runs"), "show": ("show",)}[command]
    done = analog(*words, "--store", store)
    if store == "notes.txt/analog.db" and command != "run":
        assert done.code in (0, 2), "a store that is not there yet"
        return
    assert STORES[store] in one_sentence(done)
    assert done.code == 1


def test_a_store_in_a_folder_that_is_not_there_is_made_with_it(analog: Callable[..., Done], workspace: Path) -> None:
    assert analog(*RUN, *TINY, "--epochs", "0", "--store", "a/b/c.db").code == 0
    assert (workspace / "a" / "b" / "c.db").is_file()


def test_a_store_that_is_a_folder_is_the_store_in_it(analog: Callable[..., Done], workspace: Path) -> None:
    (workspace / "here").mkdir()
    assert analog(*RUN, *TINY, "--epochs", "0", "--store", "here").code == 0
    assert (workspace / "here" / "analog.db").is_file()


@pytest.fixture
def a_run(analog: Callable[..., Done]) -> str:
    """The id of a stored run with one model."""
    return str(analog(*RUN, *TINY, "--epochs", "0", "--json").json["id"])


@pytest.mark.usefixtures("a_run")
@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("show", "xyz"), "no run is called 'xyz'"),
        (("resume", "xyz"), "no run is called 'xyz'"),
        (("compare", "xyz"), "no run is called 'xyz'"),
        (("compare", "--experiment", "mnist-fcm"), "did you mean mnist-fcn"),
        (("compare", "--experiment", "mnist-cnn"), "no stored run matches"),
        (("compare", "fig5", "--published"), "no run of exact/fig5 is stored; `analog sweep exact/fig5` makes them"),
        (("compare", "response/fig5"), "response/fig5 has no runs to compare; `analog plot response/fig5` draws it"),
        (("plot", "last", "fig4"), "fig4 is a figure of its own"),
        (("plot", "xyz"), "no figure is called 'xyz'"),
        (("plot", "demmo"), "did you mean demo?"),
        (("plot", "fig44"), "did you mean fig4"),
        (("export", "last", "--format", "record"), "has no trained epoch; a record is of a finished run with epochs"),
        (("plot", "fig5"), "nothing of exact/fig5 is stored yet; `analog sweep exact/fig5` makes all its runs"),
        (("plot", "last", "--format", "gif"), "no picture format is called 'gif'"),
        (("export", "last", "--n-models", "3"), "has 1 models, not 3; export --n-models 1, or train them"),
        (("export", "--n-models", "3"), "no stored run has 3 trained models; `analog run … --n-models 3`"),
        (("export", "--format", "xls"), "xls"),
        (("store", "delete", "xyz"), "no run is called 'xyz'"),
        (("store", "delete", ""), "no run is called ''"),
    ],
)
def test_a_mistake_about_stored_runs_is_one_sentence_and_exit_2(
    analog: Callable[..., Done], words: tuple[str, ...], sentence: str
) -> None:
    done = analog(*words)
    assert sentence in done.err.replace("│", " ")
    assert "Traceback" not in done.err
    assert (done.code, done.out) == (2, "")


@pytest.mark.usefixtures("a_run")
@pytest.mark.parametrize(
    "words", [("plot", "last"), ("export", "last", "--format", "csv"), ("export", "last", "--format", "json")]
)
def test_a_folder_that_cannot_be_made_is_one_sentence_and_exit_2(
    analog: Callable[..., Done], workspace: Path, words: tuple[str, ...]
) -> None:
    (workspace / "file").touch()
    done = analog(*words, "--out", "file/below")
    assert done.code == 2
    assert re.fullmatch("error: file/.*: Not a directory; give another path", one_sentence(done))


@pytest.mark.parametrize("check", [(), ("--check",)], ids=["made anew", "checked"])
@pytest.mark.parametrize(
    ("path", "reason"),
    [("nowhere.md", "No such file or directory"), (".", "Is a directory"), ("binary.md", "it is not text")],
)
def test_a_text_that_cannot_be_read_is_one_sentence_and_exit_2(
    analog: Callable[..., Done], workspace: Path, path: str, reason: str, check: tuple[str, ...]
) -> None:
    (workspace / "binary.md").write_bytes(b"\xff\xfe\x00")
    done = analog("records", "--into", path, *check)
    assert done.code == 2
    assert one_sentence(done) == f"error: --into {path} cannot be read: {reason}; give another path"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a full disk is what Linux calls /dev/full")
def test_a_full_disk_is_not_the_fault_of_a_path(analog: Callable[..., Done], workspace: Path) -> None:
    analog(*RUN, *TINY, "--epochs", "1")
    (workspace / "out").mkdir()
    (workspace / "out" / "mnist-fcn.jsonl").symlink_to("/dev/full")
    done = analog("export", "last", "--format", "record", "--out", "out")
    assert done.code == 1
    assert one_sentence(done) == "error: the system says: No space left on device"


def test_a_backend_that_does_not_work_here_says_so(analog_process: Callable[..., Done], workspace: Path) -> None:
    # A package of that name that is no AIHWKit, as a damaged installation is.
    (workspace / "aihwkit").mkdir()
    (workspace / "aihwkit" / "__init__.py").write_text("raise ImportError('libtorch.so: undefined symbol')")
    words = (*RUN, "--setting", "tt-v1", "--backend", "aihwkit", "--tau", "0.7", *TINY, "--epochs", "0")
    done = analog_process(*words, PYTHONPATH=str(workspace))
    assert done.code == 2
    sentence = one_sentence(done)
    assert "backend aihwkit does not work here" in sentence and "undefined symbol" in sentence
