"""Weights from elsewhere: torchvision's, downloaded and checked by torchvision, or a file with a state_dict.

The last layer starts anew where the weights were made for another number of classes.
"""

import hashlib
from pathlib import Path
from pickle import UnpicklingError
from typing import Any
from urllib.error import URLError

import torch
from torch import Tensor
from torch.nn import Module

from analogcli.errors import DataError, SpecError
from analogcli.nn.models.parts import last_layer
from analogcli.spec import TorchvisionModel

IMAGENET = "IMAGENET1K_V1"
"""The weights that the papers' scripts start from."""


def load_pretrained(network: Module, model: TorchvisionModel) -> None:
    """Put the weights that ``model`` asks for into the network that was built from it.

    Raises:
        DataError: they cannot be downloaded, or the file is not the one that the run was defined with.
        SpecError: the file does not hold weights of this network.
    """
    if model.pretrained == "none":
        return
    state = _downloaded(model.name) if model.pretrained == "imagenet" else _from_file(model)
    backbone = network.get_submodule("backbone")
    head = last_layer(backbone)
    own = backbone.state_dict()
    # Weights from a file may have been saved with the head that they were trained with, of as many classes.
    state |= {k: own[k] for k in (f"{head}.weight", f"{head}.bias") if k not in state or state[k].shape != own[k].shape}
    try:
        backbone.load_state_dict(state)
    except RuntimeError as exc:
        raise SpecError(
            f"task.model.pretrained = {model.pretrained} does not fit {model.name} ({_first_complaint(exc)}); "
            "give the state_dict of that network as torchvision builds it"
        ) from exc


def _downloaded(name: str) -> dict[str, Tensor]:
    from torchvision.models import get_model_weights

    try:
        state: dict[str, Tensor] = get_model_weights(name)[IMAGENET].get_state_dict(progress=False, check_hash=True)
    except (URLError, OSError, RuntimeError) as exc:
        reason = getattr(exc, "reason", None) or exc
        raise DataError(
            f"the ImageNet weights of {name} cannot be downloaded ({reason}): connect to the internet and run again, "
            "or give a file that holds them, --pretrained PATH, or --pretrained none"
        ) from exc
    return state


def _from_file(model: TorchvisionModel) -> dict[str, Tensor]:
    path = Path(model.pretrained).expanduser()
    try:
        if hashlib.sha256(path.read_bytes()).hexdigest() != model.pretrained_sha256:
            raise DataError(f"{path} is not the file that this run was defined with; define it anew to use this one")
        state: Any = torch.load(path, map_location="cpu", weights_only=True)
    except (UnpicklingError, EOFError, RuntimeError, ValueError) as exc:
        raise SpecError(f"task.model.pretrained = {path} does not hold tensors that torch.save wrote") from exc
    except OSError as exc:
        raise DataError(f"task.model.pretrained = {path} cannot be read ({exc.strerror}); give another file") from exc
    if not isinstance(state, dict) or not all(isinstance(v, Tensor) for v in state.values()):
        raise SpecError(f"task.model.pretrained = {path} does not hold a state_dict, names with tensors")
    return dict(state)


def _first_complaint(exc: RuntimeError) -> str:
    return " ".join(str(exc).splitlines()[1].split())[:120] if "\n" in str(exc) else str(exc)[:120]
