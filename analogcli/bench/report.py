"""From the times of all turns to medians, quartiles and ratios."""

from collections.abc import Sequence
from statistics import median, quantiles
from typing import Any

from analogcli.bench.measure import Timing

MIB = 2**20


def as_records(timings: Sequence[Timing]) -> list[dict[str, Any]]:
    """Return one record for every contender, ready for JSON.

    Ratios are of medians and per model: ``times_pytorch`` is how many times as long as PyTorch's a step takes,
    ``faster_than_aihwkit`` how many times as long AIHWKit takes in the same setting; None where that was not timed.
    """
    per_model = {
        (t.contender.engine, t.contender.spec.setting): median(t.turns_ms) for t in timings if t.contender.replicas == 1
    }
    plain = next((ms for (engine, _), ms in per_model.items() if engine == "pytorch"), None)
    return [_record(timing, plain, per_model.get(("aihwkit", timing.contender.spec.setting))) for timing in timings]


def _record(timing: Timing, pytorch_ms: float | None, aihwkit_ms: float | None) -> dict[str, Any]:
    contender = timing.contender
    step_ms = median(timing.turns_ms)
    model_ms = step_ms / contender.replicas
    first, third = _quartiles(timing.turns_ms)
    return {
        "engine": contender.engine,
        "setting": contender.spec.setting,
        "replicas": contender.replicas,
        "batch_size": contender.spec.task.batch_size,
        "step_ms": step_ms,
        "first_quartile_ms": first,
        "third_quartile_ms": third,
        "model_ms": model_ms,
        "times_pytorch": pytorch_ms and model_ms / pytorch_ms,
        "faster_than_aihwkit": aihwkit_ms and aihwkit_ms / model_ms,
        "peak_mib": None if timing.peak_bytes is None else timing.peak_bytes / MIB,
        "steps_a_turn": timing.steps,
        "turns_ms": list(timing.turns_ms),
    }


def _quartiles(values: Sequence[float]) -> tuple[float, float]:
    if len(values) == 1:
        return values[0], values[0]
    first, _, third = quantiles(values, n=4, method="inclusive")
    return first, third
