"""What the magneto-ionic simulations write for a model of double devices: their ID, state dict, settings.

::

    ID         YYYYmmddHHMMSS-MNIST-double-linear-1000.0-var-0.2-clipping-0.1-resistor-0.015-voltage-1.5e-06
    <ID>-i.pth             state dict with the border: layers.1.weight1 [512, 1024] …, before relaxation
    <ID>-i-gradients.pth   lr · mean |gradient|, the mean raw pulse count
    <ID>-i.json            settings, loss of the last mini-batch, accuracies [%] of the last epoch and after relaxation

Axes: O out, I in, without the border of zeros; P in, with it.
"""

import math

import torch
from torch import Tensor

from analogcli.figures.summary import relaxed_accuracy
from analogcli.magnetoionic import law_of
from analogcli.magnetoionic.network import border, names
from analogcli.spec import BatchNormFcnModel, DoubleDevice, RunSpec
from analogcli.store import ModelRecord, RunRecord, Store
from analogcli.training.checkpoint import model_state

TASKS = {"mnist": "MNIST", "fashion-mnist": "FashionMNIST"}
"""Data sets as the authors call them; any other keeps its name."""
FIELDS = {"linear": "double-linear", "exponential": "double-exponential"}
"""Laws as the authors call them; any other keeps its name."""
BORDER = "layers.1.border"
"""Where an imported state keeps the devices at the border: ours are drawn again from the seed."""


def simulation_id(run: RunRecord) -> str:
    """Return the name that the authors' script would give the simulation."""
    spec, device = run.spec, _device(run.spec)
    task = TASKS.get(spec.task.dataset, spec.task.dataset.replace(":", "-").replace("/", "-"))
    noise = f"resistor-{device.resistor_noise}-voltage-{device.sigma_v}"
    field = f"{_field(device)}-{spec.task.lr}-var-{device.var}-clipping-{device.clipping}"
    return f"{run.created_at:%Y%m%d%H%M%S}-{task}-{field}-{noise}"


def state_dict(store: Store, run: RunRecord, model: ModelRecord) -> dict[str, Tensor]:
    """Return the model's state dict as the authors' network loads it; empty if it has no checkpoint."""
    saved = store.saved_state(model)
    if saved is None:
        return {}
    tensors = model_state(store.load_state(saved))
    n_layers = sum(name.endswith("weight1") for name in tensors)
    steps = torch.tensor(sum(len(loss_S) for loss_S in store.series(model, "train_loss").values()))
    state: dict[str, Tensor] = {}
    for place in range(n_layers):
        pairs, normalisation = names(place)
        for number in (1, 2):
            w_OI = tensors[f"{pairs}.weight{number}"]
            state[f"{pairs}.weight{number}"] = w_OI if place else _with_border(run.spec, model, w_OI, number, tensors)
        for statistic in ("running_mean", "running_var"):
            state[f"{normalisation}.{statistic}"] = tensors[f"{normalisation}.{statistic}"]
        counter = f"{normalisation}.num_batches_tracked"
        state[counter] = tensors.get(counter, steps).clone()
    return state


def settings(store: Store, run: RunRecord, model: ModelRecord) -> dict[str, object]:
    """Return the authors' settings file, with what leads back to the run at its end."""
    spec, device = run.spec, _device(run.spec)
    network = _network(spec)
    losses = [float(loss) for loss_S in store.series(model, "train_loss").values() for loss in loss_S[-1:]]
    relaxed = relaxed_accuracy(store, model)
    accuracy = model.epochs[-1].test_accuracy
    return {
        "task": TASKS.get(spec.task.dataset, spec.task.dataset),
        "seed": spec.seed,
        "padding": network.border,
        "batch_size": spec.task.batch_size,
        "layers": list(network.hidden),
        "epochs": spec.task.epochs,
        "input_scale": device.input_scale,
        "voltage_noise": device.sigma_v,
        "resistor_noise": device.resistor_noise,
        "time_switch": None,
        "init": device.init,
        "optimizer": "MagnetoionicDouble",
        "optimizer_parameters": {
            "lr": spec.task.lr,
            "field": [_field(device)],
            "scale": 1.0,
            "device_variability": device.var,
            "clipping": device.clipping,
        },
        "criterion": "CrossEntropyLoss",
        "loss": losses[-1] if losses else None,
        "accuracy": None if accuracy is None else 100 * accuracy,
        "swap_accuracy": None if relaxed is None else 100 * relaxed,
        "model_seed": model.seed,
        "run": run.id,
        "spec_hash": run.spec_hash,
        "spec": run.spec_data,
    }


def inner_inputs(pixels: int, width: int) -> Tensor:
    """Return which of the inputs [P] are not of the border, for square images of so many inputs without a border."""
    channels = 1 if math.isqrt(pixels) ** 2 == pixels else 3
    side = math.isqrt(pixels // channels) + 2 * width
    inside = torch.zeros(channels, side, side, dtype=torch.bool)
    inside[:, width : side - width, width : side - width] = True
    return inside.flatten()


def _with_border(spec: RunSpec, model: ModelRecord, w_OI: Tensor, number: int, tensors: dict[str, Tensor]) -> Tensor:
    inside_P, device = inner_inputs(w_OI.shape[1], _network(spec).border), _device(spec)
    idle = int((~inside_P).sum())
    outer = tensors.get(f"{BORDER}{number}")
    if outer is None:
        outer = border(law_of(device), device.init, (len(w_OI), idle), model.seed)[number - 1]
    w_OP = w_OI.new_empty(len(w_OI), len(inside_P))
    w_OP[:, inside_P], w_OP[:, ~inside_P] = w_OI, outer
    return w_OP


def _device(spec: RunSpec) -> DoubleDevice:
    assert isinstance(spec.algorithm, DoubleDevice)
    return spec.algorithm


def _network(spec: RunSpec) -> BatchNormFcnModel:
    assert isinstance(spec.task.model, BatchNormFcnModel)
    return spec.task.model


def _field(device: DoubleDevice) -> str:
    return FIELDS.get(device.law, device.law.replace("/", "-").replace(":", "-"))
