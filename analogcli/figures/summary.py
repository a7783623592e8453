"""The number of a run in a table: the papers' rule, mean over the last five epochs, mean ± std over models."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean, pstdev

from analogcli.store import ModelRecord, RunRecord

LAST_EPOCHS = 5


@dataclass(frozen=True)
class Summary:
    """Test accuracy of a run [fraction]; ``std`` is the population std over models, as in the published tables."""

    mean: float | None
    std: float | None
    final: float | None
    n_models: int
    """Models that the numbers are made of."""
    n_epochs: int
    """Epochs that each model's mean is made of, at most five."""

    def text(self) -> str:
        """Return e.g. ``97.20 % in the last epoch; mean of the last 5 epochs 97.12 ± 0.10 % (3 models)``."""
        if self.mean is None or self.final is None:
            return "none yet"
        models = f" ({self.n_models} models)" if self.n_models > 1 else ""
        if self.n_epochs == 0:
            return f"{100 * self.final:.2f} % untrained{models}"
        spread = f" ± {100 * self.std:.2f}" if self.std is not None else ""
        if self.n_epochs == 1:
            return f"{100 * self.mean:.2f}{spread} % after 1 epoch{models}"
        rule = f"mean of the last {self.n_epochs} epochs"
        return f"{100 * self.final:.2f} % in the last epoch; {rule} {100 * self.mean:.2f}{spread} %{models}"


def summarise(run: RunRecord) -> Summary:
    """Return the summary of what is stored of a run, finished or not; models without a trained epoch do not count."""
    trained = [m for m in run.models if any(e.epoch > 0 for e in m.epochs)]
    if not trained:
        started = [m.epochs[0].test_accuracy for m in run.models if m.epochs]
        mean = fmean(started) if started else None
        return Summary(mean, None, mean, len(started), 0)
    # Models that are not as far as the others would pull the mean down.
    furthest = max(m.epochs[-1].epoch for m in trained)
    complete = [m for m in trained if m.epochs[-1].epoch == furthest]
    means = [last_epochs_mean(m) for m in complete]
    return Summary(
        mean=fmean(means),
        std=_spread(means),
        final=fmean(m.epochs[-1].test_accuracy for m in complete),
        n_models=len(complete),
        n_epochs=min(furthest, LAST_EPOCHS),
    )


def last_epochs_mean(model: ModelRecord) -> float:
    """Return the mean test accuracy of a model's last five training epochs (fewer if it has fewer)."""
    return fmean([e.test_accuracy for e in model.epochs if e.epoch > 0][-LAST_EPOCHS:])


def _spread(values: Sequence[float]) -> float | None:
    return pstdev(values) if len(values) > 1 else None
