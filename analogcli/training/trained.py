"""A stored run as models again: built anew from its spec and seeds, with the states of its last checkpoints."""

from collections.abc import Sequence

from torch import Tensor

from analogcli import data
from analogcli.backends import Trainable
from analogcli.errors import UsageError
from analogcli.spec import ExecutionOptions
from analogcli.store import ModelRecord, RunRecord, Store
from analogcli.training.checkpoint import model_state
from analogcli.training.run import prepare


def trained(store: Store, run: RunRecord) -> list[Trainable]:
    """Return the models of ``run`` as they were saved last, on the CPU, those that an engine takes at once together.

    Raises:
        UsageError: a model has no checkpoint, or the engine or the data set, whose shape it needs, is not there.
    """
    states = states_of(store, run, run.models)
    ready = prepare(run.spec, ExecutionOptions(), lambda note: None)
    size = len(states) if ready.backend.several else 1
    shape = data.Pipeline.of(run.spec.task).seen(ready.dataset)
    groups = []
    for first in range(0, len(states), size):
        part = slice(first, first + size)
        models = ready.backend.build(run.spec, shape, [model.seed for model in run.models[part]], ready.device)
        models.load_state_dict(states[part])
        groups.append(models)
    return groups


def states_of(store: Store, run: RunRecord, models: Sequence[ModelRecord]) -> list[dict[str, Tensor]]:
    """Return the states of some models of ``run`` as they were saved last, on the CPU.

    Raises:
        UsageError: one of them has no checkpoint.
        StoreError: a checkpoint file is missing or was altered.
    """
    saved = [store.saved_state(model) for model in models]
    found = [one for one in saved if one is not None]
    if len(found) < len(models):
        which = ", ".join(str(model.index) for model, one in zip(models, saved, strict=True) if one is None)
        # Copying a store leaves out damaged checkpoints, and there is nothing to resume in a run that is finished.
        way_out = (
            "copy it again from a store that has it (`analog store copy`), or `analog run --again` trains it anew"
            if run.status == "finished"
            else f"`analog resume {run.short_id}` trains it"
        )
        raise UsageError(f"run {run.short_id} has no checkpoint of model {which}; {way_out}")
    return [model_state(store.load_state(one)) for one in found]
