"""The picture of a warm start shows what the run did: stages from stored losses are those of the checkpoint."""

import csv
import io
from collections.abc import Callable

import pytest
from command_kit import Done

from analogcli.algorithms.warm_start import RULES, replayed
from analogcli.figures.warm_start import draw_warm_starts, history
from analogcli.store import Store

TINY = ("run", "mnist-lenet5", "--dataset", "mnist5k", "--batch-size", "1000", "--epochs", "12", "--tiles", "3")
TINY += ("--set", "task.model.channels=[2,2]", "--set", "task.model.hidden=4", "--quiet")
RISING = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]


@pytest.mark.parametrize("rule", ["paper", "code"])
def test_the_stages_that_are_drawn_are_those_of_the_run(analog: Callable[..., Done], rule: str) -> None:
    done = analog(*TINY, "--warm-start", rule, "--n-models", "2")
    assert done.code == 0, done.err
    store = Store.open(None, create=False)
    run = store.run("last")
    for model in run.models:
        of = history(run, "", model)
        saved = store.saved_state(model)
        assert saved is not None
        tensors = store.load_state(saved)
        ends = {int(t.flatten()[0]) for name, t in tensors.items() if name.endswith("warm_start.stage")}
        # What the last loss led to is seen in an epoch that would have come after it.
        after = replayed([*of.losses, 0.0], of.rule, of.tiles)
        assert ends == {after[-1]}
        assert after[:-1] == of.stages and after[-1] > 0
    rows = list(csv.DictReader(io.StringIO(analog("plot", "last", "--of", "warm-start", "--data", "csv").out)))
    assert rows[0]["tiles filled"] == "2" and len(rows) == 12
    drawn = analog("plot", "last", "--of", "warm-start", "--format", "png", "--out", ".")
    assert drawn.out.strip().endswith("-warm-start.png")


def test_tiles_are_drawn_from_coarse_to_fine_and_then_all_of_them(registry, add) -> None:  # type: ignore[no-untyped-def]
    of = history(add(registry.spec("mnist-lenet5", overrides={"algorithm.tiles": 3}), [[0.1] * 4]), "falls")
    assert of.stages == [0, 0, 0] and of.plateaus == []
    canvas = draw_warm_starts([of])
    above, below = canvas.axes
    assert (above.get_ylabel(), below.get_ylabel()) == ("Training loss", "Tile")
    assert [text.get_text() for text in below.get_yticklabels()] == ["0, fine", "1", "2, coarse"]


@pytest.mark.parametrize(
    ("rule", "filled"),
    [("paper", [[2], [2], [1], [1, 2], [1, 2], [1, 2]]), ("code-mnist", [[2], [2], [1], [1], [], []])],
)
def test_which_tiles_are_filled_follows_from_the_losses(rule: str, filled: list[list[int]]) -> None:
    stages = replayed(RISING, RULES[rule], tiles=3)
    assert [RULES[rule].receivers(stage, 3) for stage in stages] == filled


@pytest.mark.parametrize(("setting", "more"), [("analog-sgd", ()), ("resl", ("--warm-start", "off"))])
def test_a_run_without_a_warm_start_says_so(analog: Callable[..., Done], setting: str, more: tuple[str, ...]) -> None:
    words = [word if word != "12" else "1" for word in TINY]
    words = words[: words.index("--tiles")] + words[words.index("--tiles") + 2 :] if setting != "resl" else words
    assert analog(*words, "--setting", setting, *more).code == 0
    done = analog("plot", "last", "--of", "warm-start")
    assert done.code == 2
    assert "has no warm start; --of warm-start draws runs of resl that have one" in done.err
