"""``analog bench``: engines take turns on the same step; the table and the JSON say what was measured, and on what."""

import multiprocessing
import os
import signal
import sys
from collections.abc import Callable
from statistics import median

import psutil
import pytest
from command_kit import Done, Running

from analogcli.bench import NETWORKS, Contender, Timing, as_records, contenders, measure
from analogcli.errors import RunFailed
from analogcli.processors import cores
from analogcli.registry import load

TINY = ("--set", "task.model.hidden=[8]", "--rounds", "3", "--steps", "2", "--threads", "1")
REGISTRY = load()


def plain(hidden: int = 8) -> Contender:
    overrides = {"task.model.hidden": [hidden]}
    [contender], _ = contenders(REGISTRY, "fcn", [], [1], ["pytorch"], overrides)
    return contender


def test_the_json_has_every_turn_the_ratios_and_the_machine(analog: Callable[..., Done]) -> None:
    done = analog("bench", *TINY, "--engine", "pytorch,native", "--replicas", "1,3", "--json")
    assert done.code == 0, done.err
    found = done.json
    assert found["machine"]["cores"] == cores()
    assert found["machine"]["threads"] == 1
    assert found["left_out"] == []
    assert [(r["engine"], r["setting"], r["replicas"]) for r in found["results"]] == [
        ("pytorch", "fp-sgd", 1),
        ("native", "analog-sgd", 1),
        ("native", "analog-sgd", 3),
    ]
    pytorch = found["results"][0]
    for r in found["results"]:
        assert len(r["turns_ms"]) == 3
        assert r["step_ms"] == median(r["turns_ms"]) > 0
        assert r["model_ms"] == r["step_ms"] / r["replicas"]
        assert r["times_pytorch"] == pytest.approx(r["model_ms"] / pytorch["step_ms"])
        assert r["faster_than_aihwkit"] is None, "it did not compete"


@pytest.mark.aihwkit
def test_the_table_has_a_line_for_each_engine_and_a_reason_for_each_absence(analog: Callable[..., Done]) -> None:
    done = analog("bench", *TINY, "--engine", "pytorch,aihwkit", "--quiet")
    assert done.code == 0, done.err
    lines = done.out.splitlines()
    assert lines[0].startswith("fcn, batch 10, soft-bounds, noisy periphery")
    assert "torch" in lines[1]
    assert [line.split()[:3] for line in lines[3:]] == [["pytorch", "fp-sgd", "1"], ["aihwkit", "analog-sgd", "1"]]
    assert done.err == ""

    done = analog("bench", *TINY, "--engine", "pytorch,aihwkit", "--quiet", "--device", "exponential")
    assert len(done.out.splitlines()) == 4
    assert done.err.startswith("without aihwkit analog-sgd: backend aihwkit does not have the device exponential")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("fcm",), "did you mean fcn?"),
        (("--setting", "analog-sdg"), "did you mean analog-sgd?"),
        (("--setting", "fp-sgd"), "name an analog setting"),
        (("--engine", "natve"), "did you mean native?"),
        (("--engine", ","), "nothing to time"),
        (("--engine", "aihwkit", "--device", "exponential"), "does not have the device exponential"),
        (("--replicas", "many"), "--replicas many is not a list"),
        (("--replicas", "1,0"), "--replicas 1,0 is not a list"),
        (("--device", "soft-bound"), "did you mean soft-bounds?"),
        (("--set", "task.lrr=1"), "task.lrr is not a field"),
        (("--batch-size", "0"), "--batch-size"),
        (("--rounds", "0"), "--rounds"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_what_cannot_be_timed_is_said_before_anything_is(
    words: tuple[str, ...], said: str, analog: Callable[..., Done]
) -> None:
    done = analog("bench", *words)
    assert done.code == 2
    assert said in done.err
    assert done.out == ""
    assert "Traceback" not in done.err


# Magneto-ionic devices have an engine of their own and the settings of their paper.
@pytest.mark.parametrize("network", [name for name in NETWORKS if name != "magnetoionic"])
def test_all_compete_on_the_same_spec(network: str) -> None:
    competing, left_out = contenders(
        REGISTRY, network, ["Analog SGD"], [1, 8], ["pytorch", "native", "aihwkit"], {"device.kind": "soft-bounds"}
    )
    # AIHWKit has no depthwise convolutions.
    reasons = (
        ["backend aihwkit has no convolutions with groups; use --backend native"] if network == "mobilenet" else []
    )
    assert [one.reason for one in left_out] == reasons
    engines = [("pytorch", 1), ("native", 1), ("native", 8), ("aihwkit", 1)]
    assert [(c.engine, c.replicas) for c in competing] == engines[: len(engines) - len(left_out)]
    tasks = [c.spec.task.model_dump(exclude={"lr"}) for c in competing]
    assert all(task == tasks[0] for task in tasks)
    around = [c.spec.model_dump(include={"device", "periphery", "mapping"}) for c in competing[1:]]
    assert all(parts == around[0] for parts in around)


def test_perfect_reads_are_exact_in_both_passes() -> None:
    [contender], _ = contenders(REGISTRY, "fcn", ["analog-sgd"], [1], ["native"], {}, perfect=True)
    periphery = contender.spec.periphery
    assert periphery is not None
    assert periphery.forward.perfect
    assert periphery.backward.perfect


def test_ratios_are_of_medians_and_per_model() -> None:
    competing, _ = contenders(
        REGISTRY, "fcn", ["analog-sgd", "tt-v1"], [4], ["pytorch", "native", "aihwkit"], {"device.kind": "soft-bounds"}
    )
    times = {"pytorch": (1.0, 2.0, 90.0), "native": (8.0, 8.0, 8.0), "aihwkit": (10.0, 30.0, 20.0)}
    records = as_records([Timing(c, times[c.engine], 1, 3 * 2**20) for c in competing])
    for r in records:
        expected = {"pytorch": (2.0, 1.0, None), "native": (2.0, 1.0, 10.0), "aihwkit": (20.0, 10.0, 1.0)}[r["engine"]]
        assert (r["model_ms"], r["times_pytorch"], r["faster_than_aihwkit"]) == expected
        assert r["peak_mib"] == 3
    assert (records[-1]["first_quartile_ms"], records[-1]["third_quartile_ms"]) == (15.0, 25.0)


def test_a_larger_network_takes_longer_and_more_memory() -> None:
    # So large that pages of libraries, which the kernel takes away and gives back as it likes, are little beside it.
    small, large = plain(8), plain(16384)
    timings, left_out = measure([small, large], rounds=3, steps=3, threads=1, device="cpu", tell=lambda text: None)
    assert left_out == []
    assert min(timings[1].turns_ms) > 3 * max(min(timings[0].turns_ms), 0.01)
    if sys.platform == "linux":
        weights = 4 * 16384 * (784 + 10)
        peaks = [timing.peak_bytes for timing in timings]
        assert peaks[0] is not None
        assert peaks[1] is not None
        # Weights and gradients, and a momentary copy of either; less than half of that is a measurement of nothing.
        assert 1.8 * weights < peaks[1] < 5 * weights
        assert peaks[0] < 1.8 * weights


def test_a_contender_that_dies_is_an_error_and_not_a_wait() -> None:
    def kill(text: str) -> None:
        for child in multiprocessing.active_children():
            assert child.pid is not None
            os.kill(child.pid, signal.SIGKILL)

    with pytest.raises(RunFailed, match="pytorch fp-sgd ended with exit status -9"):
        measure([plain()], rounds=1, steps=1, threads=1, device="cpu", tell=kill)
    assert multiprocessing.active_children() == []


def test_ctrl_c_ends_the_contenders_too(start: Callable[..., Running]) -> None:
    running = start("bench", *TINY, "--rounds", "100000", "--engine", "pytorch")
    running.says("round 2 of")
    started = psutil.Process(running.pid).children(recursive=True)
    assert started
    running.send(signal.SIGINT)
    done = running.finish()
    assert done.code == 130
    assert "Traceback" not in done.err
    assert psutil.wait_procs(started, timeout=10)[1] == []
