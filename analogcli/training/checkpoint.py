"""What a checkpoint of ours holds of a model: its state, and how far its training has come.

::

    model/…       the state as its engine returns it
    progress/…    the position (:meth:`~analogcli.training.events.Position.as_tensors`)
"""

from torch import Tensor

MODEL = "model/"

Tensors = dict[str, Tensor]


def as_checkpoint(state: Tensors) -> Tensors:
    """Return the state of a model as it stands in its checkpoint."""
    return {f"{MODEL}{name}": tensor for name, tensor in state.items()}


def model_state(checkpoint: Tensors) -> Tensors:
    """Return the state of the model from its checkpoint, sorted by name: safetensors returns tensors in any order."""
    return {name.removeprefix(MODEL): checkpoint[name] for name in sorted(checkpoint) if name.startswith(MODEL)}
