"""The number of a run in a table by the papers' rule: mean over models and the last five epochs ± std over models.

It is the test accuracy where there are classes, and the training loss where numbers are predicted; of a least-squares
problem it is the floor, the mean error of the last fifth of its iterations.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean, pstdev, stdev
from typing import Any, Literal

from analogcli.store import RELAXED, EpochRecord, ModelRecord, RunRecord, Store

LAST_EPOCHS = 5

Measure = Literal["test accuracy", "train loss", "floor"]


MEASURES: dict[str, Measure] = {"regression": "train loss", "least-squares": "floor"}
"""By what the kinds of tasks are judged that are no classification."""


@dataclass(frozen=True)
class Summary:
    """Test accuracy [fraction] or training loss of a run; ``std`` is that of :func:`spread`."""

    measure: Measure
    mean: float | None
    std: float | None
    final: float | None
    n_models: int
    """Models that the numbers are made of."""
    n_epochs: int
    """Epochs that each model's mean is made of, at most five."""

    @property
    def accuracy(self) -> float | None:
        """The mean if it is one of accuracies [fraction]."""
        return self.mean if self.measure == "test accuracy" else None

    @property
    def loss(self) -> float | None:
        """The mean if it is one of losses, floors among them."""
        return self.mean if self.measure != "test accuracy" else None

    def text(self) -> str:
        """Return e.g. ``97.20 % in the last epoch; mean of the last 5 epochs 97.12 ± 0.10 % (3 models)``."""
        if self.mean is None or self.final is None:
            return "none yet"
        models = f" ({self.n_models} models)" if self.n_models > 1 else ""
        scale, form, unit = (100, ".2f", " %") if self.measure == "test accuracy" else (1, ".4f", "")
        final, mean = f"{scale * self.final:{form}}", f"{scale * self.mean:{form}}"
        if self.measure == "floor":
            spread = f" ± {self.std:.2e}" if self.std is not None else ""
            return f"error {self.final:.3e} at the end; mean of the last fifth {self.mean:.3e}{spread}{models}"
        if self.n_epochs == 0:
            return f"{final}{unit} untrained{models}"
        spread = f" ± {scale * self.std:{form}}" if self.std is not None else ""
        if self.n_epochs == 1:
            return f"{mean}{spread}{unit} after 1 epoch{models}"
        rule = f"mean of the last {self.n_epochs} epochs"
        return f"{final}{unit} in the last epoch; {rule} {mean}{spread}{unit}{models}"


def measure_of(spec: dict[str, Any]) -> Measure:
    """Return by what a run with this spec (plain data) is judged."""
    return MEASURES.get(spec["task"]["kind"], "test accuracy")


def summarise(run: RunRecord) -> Summary:
    """Return the summary of what is stored of a run, finished or not; models without a trained epoch do not count."""
    measure = measure_of(run.spec_data)
    trained = [m for m in run.models if any(e.epoch > 0 for e in m.epochs)]
    if not trained:
        # Before it is trained a model has no training loss: that of the test set stands in for it.
        started = [e.test_accuracy if measure == "test accuracy" else e.test_loss for m in run.models for e in m.epochs]
        known = [value for value in started if value is not None]
        mean = fmean(known) if known else None
        return Summary(measure, mean, None, mean, len(known), 0)
    # Models that are not as far as the others would pull the mean down.
    furthest = max(m.epochs[-1].epoch for m in trained)
    complete = [m for m in trained if m.epochs[-1].epoch == furthest]
    means = [last_epochs_mean(m, measure) for m in complete]
    return Summary(
        measure,
        mean=fmean(means),
        std=spread(complete, measure),
        final=fmean(_last(m.epochs[-1], measure) for m in complete),
        n_models=len(complete),
        n_epochs=min(furthest, LAST_EPOCHS),
    )


def accuracy_of_last(run: RunRecord, epochs: int) -> float:
    """Return the mean over models of the mean test accuracy of the last epochs [fraction]; all have been trained."""
    return fmean(last_epochs_mean(model, epochs=epochs) for model in run.models)


def last_epochs_mean(model: ModelRecord, measure: Measure = "test accuracy", epochs: int = LAST_EPOCHS) -> float:
    """Return the mean over a model's last training epochs (fewer if it has fewer)."""
    return fmean(_trained(model, measure)[-epochs:])


def spread(
    models: Sequence[ModelRecord], measure: Measure, epochs: int = LAST_EPOCHS, *, sample: bool = False
) -> float | None:
    """Return the std over models at an epoch, as a mean over the last epochs; None for one model.

    That is the papers' ± (arXiv 2406.12774, the scripts of figure 5): it has the noise between epochs in it, which the
    std of the models' means has not. It is that of the population, or of a ``sample`` (n − 1).
    """
    if len(models) < 2:
        return None
    by_epoch = zip(*(_trained(model, measure)[-epochs:] for model in models), strict=True)
    return fmean(map(stdev if sample else pstdev, by_epoch))


def relaxed_accuracies(store: Store, run: RunRecord) -> list[float]:
    """Return the accuracy of each model after its devices have relaxed [fraction]; none where that was not measured."""
    found = [relaxed_accuracy(store, model) for model in run.models]
    return [accuracy for accuracy in found if accuracy is not None]


def relaxed_accuracy(store: Store, model: ModelRecord) -> float | None:
    """Return the accuracy of a model after its devices have relaxed [fraction]; None where that was not measured."""
    tested = [float(accuracy) for _loss, accuracy in store.series(model, RELAXED).values()]
    return tested[-1] if tested else None


def _trained(model: ModelRecord, measure: Measure) -> list[float]:
    return [_value(epoch, measure) for epoch in model.epochs if epoch.epoch > 0]


def _value(epoch: EpochRecord, measure: Measure) -> float:
    value = epoch.test_accuracy if measure == "test accuracy" else epoch.train_loss
    assert value is not None, f"a trained epoch has a {measure}"
    return value


def _last(epoch: EpochRecord, measure: Measure) -> float:
    """Return what the last epoch left; of a descent that is its last error, not the floor."""
    return epoch.test_loss if measure == "floor" and epoch.test_loss is not None else _value(epoch, measure)
