"""A store that is filled with given accuracies instead of by training."""

from collections.abc import Callable, Sequence

import numpy as np
import torch

from analogcli.registry import Curve
from analogcli.spec import ExecutionOptions, RunSpec
from analogcli.store import EpochRecord, ModelEpoch, Provenance, RunRecord, Store, collect

PROVENANCE: Provenance = collect(ExecutionOptions(), "CPU", None, None)

Accuracies = Sequence[Sequence[float]]
Add = Callable[..., RunRecord]


def add_run(store: Store, spec: RunSpec, models: Accuracies, status: str = "finished") -> RunRecord:
    """Store a run of ``spec``; ``models`` holds for each model its test accuracies [fraction] from epoch 0 on."""
    run_id = store.begin(spec, PROVENANCE, repeatable=True, resolved={})
    run = store.run(run_id)
    for model, accuracies in zip(run.models, models, strict=False):
        file = store.save_state(run_id, model.index, "state", {"w": torch.zeros(1)})
        for epoch, accuracy in enumerate(accuracies):
            trained = epoch > 0
            record = EpochRecord(
                epoch,
                train_loss=2.3 / (1 + epoch) if trained else None,
                test_loss=2.3 / (1 + epoch),
                test_accuracy=accuracy,
                mean_abs_gradient=1e-3 if trained else None,
                lr=spec.task.lr if trained else None,
                seconds=0.1,
            )
            store.record_epochs([ModelEpoch(model.id, record, {}, file)])
    store.end(run_id, status)
    return store.run(run_id)


def plausible(curve: Curve, seed: int) -> list[float]:
    """Return a plausible training: chance, then a rise to about 97 %, with the noise of a test set."""
    rng = np.random.default_rng(seed)
    epoch_E = np.arange(curve.spec.task.epochs + 1)
    accuracy_E = 0.97 - 0.87 * np.exp(-0.5 * epoch_E) + rng.normal(0, 0.002, len(epoch_E))
    return list(np.clip(accuracy_E, 0, 1).tolist())


def fill(store: Store, curves: Sequence[Curve]) -> list[RunRecord]:
    """Store a plausible run for every line of a figure."""
    return [
        add_run(store, curve.spec, [plausible(curve, 10 * i + m) for m in range(curve.spec.n_models)])
        for i, curve in enumerate(curves)
    ]
