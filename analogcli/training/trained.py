"""A stored run as models again: built anew from its spec and seeds, with the states of its last checkpoints."""

from analogcli import data
from analogcli.backends import Trainable
from analogcli.errors import UsageError
from analogcli.spec import ExecutionOptions
from analogcli.store import RunRecord, Store
from analogcli.training.run import model_state, prepare


def trained(store: Store, run: RunRecord) -> list[Trainable]:
    """Return the models of ``run`` as they were saved last, on the CPU, those that an engine takes at once together.

    Raises:
        UsageError: a model has no checkpoint, or the engine or the data set, whose shape it needs, is not there.
    """
    saved = [store.saved_state(model) for model in run.models]
    states = [model_state(store.load_state(one)) for one in saved if one is not None]
    if len(states) < len(run.models):
        raise UsageError(
            f"run {run.short_id} has no checkpoint of some models; `analog resume {run.short_id}` trains them"
        )
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
