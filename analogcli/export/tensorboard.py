"""TensorBoard event files, with the tags of the papers' scripts: Loss/train, Loss/test, Accuracy/test, State/lr."""

from pathlib import Path

from analogcli.errors import UsageError
from analogcli.store import ModelRecord, RunRecord

TAGS = {
    "Loss/train": "train_loss",
    "Loss/test": "test_loss",
    "Accuracy/test": "test_accuracy",
    "State/lr": "lr",
    "State/mean_abs_gradient": "mean_abs_gradient",
}


def export_tensorboard(run: RunRecord, models: list[ModelRecord], folder: Path) -> list[Path]:
    """Write one folder of events for each model into ``folder/tensorboard``.

    Raises:
        UsageError: TensorBoard is not installed.
    """
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError as exc:
        raise UsageError("TensorBoard is not installed; `pip install tensorboard`, or choose another --format") from exc
    spec, written = run.spec_data, []
    for model in models:
        target = folder / "tensorboard" / f"{spec['experiment']}-{spec['setting']}-{run.short_id}-{model.index}"
        # Event files only ever grow: an export that is repeated replaces the one before.
        for old in target.glob("events.*"):
            old.unlink()
        with SummaryWriter(str(target)) as writer:
            for epoch in model.epochs:
                for tag, field in TAGS.items():
                    value = getattr(epoch, field)
                    if value is not None:
                        writer.add_scalar(tag, value, epoch.epoch)
        written.append(target)
    return written
