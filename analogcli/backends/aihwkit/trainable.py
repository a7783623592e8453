"""One model in training on AIHWKit's tiles: the steps of the papers' scripts.

AIHWKit's optimizer reads the analog inputs and output gradients that forward and backward left on each tile, and turns
them into pulses; biases and output scales follow by plain SGD. Axes: B batch (of patches for convolutions), C channel,
H, W image, K outputs, O out, I in.
"""

from typing import Any

import torch
from aihwkit.optim import AnalogSGD
from torch import Tensor, nn

from analogcli.backends.aihwkit import state
from analogcli.backends.aihwkit.config import rpu_config
from analogcli.backends.aihwkit.tiles import construction_seeds, on_tiles
from analogcli.nn.loss import training_loss
from analogcli.nn.models import learns, on_arrays
from analogcli.spec import RunSpec


class AihwkitModel:
    """A network on analog tiles with AIHWKit's SGD (:class:`~analogcli.backends.single.SingleModel`)."""

    def __init__(self, network: nn.Module, spec: RunSpec, seed: int, device: torch.device) -> None:
        given = spec.device.construction_seed if spec.device else None
        chosen, learnt = on_arrays(spec.task.model, network), learns(spec.task.model, network)
        layers = [(n, m) for n, m in network.named_modules() if isinstance(m, nn.Linear | nn.Conv2d)]
        digital = [name for name, layer in layers if not chosen(name, layer)]
        self.network = on_tiles(network, rpu_config(spec), construction_seeds(seed, given), digital).to(device)
        for name, parameter in self.network.named_parameters():
            parameter.requires_grad_(learnt(name.rpartition(".")[0], self.network))
        self._plain = network.to(device)
        self._shapes = {name: tensor.shape for name, tensor in network.named_parameters()}
        self._loss = training_loss(spec.task)
        self._optimizer = AnalogSGD(self.network.parameters(), lr=spec.task.lr)
        self._last: list[tuple[list[Tensor], list[Tensor], Tensor | None]] = []

    def train_step(self, x_BCHW: Tensor, y_B: Tensor, lr: float) -> Tensor:
        """Learn from one mini-batch; return the loss before the update."""
        self.network.train()
        for group in self._optimizer.param_groups:
            group["lr"] = lr
        self._optimizer.zero_grad()
        loss = self._loss(self.network(x_BCHW), y_B)
        loss.backward()  # type: ignore[no-untyped-call]
        # The optimizer lets go of x and d after the update, and moves the scales; holding the lists costs no copy.
        self._last = [
            (tile.analog_ctx.analog_input, tile.analog_ctx.analog_grad_output, _copy(tile.get_learned_out_scales()))
            for tile in self.network.analog_tiles()
        ]
        self._optimizer.step()
        return loss.detach()

    @torch.no_grad()
    def outputs(self, x_BCHW: Tensor) -> Tensor:
        """Return the outputs [B, K]; AIHWKit's read noise is on in inference too."""
        self.network.eval()
        output_BK: Tensor = self.network(x_BCHW)
        return output_BK

    @torch.no_grad()
    def exact_outputs(self, x_BCHW: Tensor) -> Tensor:
        """Return the outputs [B, K] that the tiles' weights give in a network without tiles."""
        plain = dict(self._plain.named_parameters())
        for name, layer in self.network.named_analog_layers():
            weight_OI, bias_O = layer.get_weights()
            plain[f"{name}.weight"].copy_(weight_OI.view_as(plain[f"{name}.weight"]))
            if bias_O is not None:
                plain[f"{name}.bias"].copy_(bias_O)
        output_BK: Tensor = self._plain.eval()(x_BCHW)
        return output_BK

    @torch.no_grad()
    def gradient_magnitude(self) -> float:
        """Return the mean of |∂L/∂W| over the entries of all weight matrices; 0 before the first mini-batch.

        W is the weight that the forward pass sees. AIHWKit's d contains the learned output scale, which is divided out.
        """
        total, entries = 0.0, 0
        for tile, (xs, ds, scale) in zip(self.network.analog_tiles(), self._last, strict=False):
            gradient_OI = _gradient(tile, xs, ds)
            gradient_OI = gradient_OI if scale is None else gradient_OI / scale
            total += gradient_OI.abs().sum().item()
            entries += gradient_OI.numel()
        return total / max(entries, 1)

    @torch.no_grad()
    def weights(self) -> dict[str, Tensor]:
        """Return a copy of the weights that the forward pass sees, all scales applied, by layer, on the CPU."""
        found = ((name, layer.get_weights()[0]) for name, layer in self.network.named_analog_layers())
        return {name: w_OI.reshape(self._shapes[f"{name}.weight"]).to("cpu", copy=True) for name, w_OI in found}

    def state_dict(self) -> dict[str, Tensor]:
        """Return everything that decides how training goes on except AIHWKit's noise, which has no seed."""
        return state.dump(self.network)

    def load_state_dict(self, state_dict: dict[str, Tensor]) -> None:
        """Continue from :meth:`state_dict` of a model built from the same spec and seed."""
        state.load(self.network, state_dict)


def _gradient(tile: Any, xs: list[Tensor], ds: list[Tensor]) -> Tensor:
    """Return ∂L/∂w of a tile; those of hardware-aware training have it as the gradient of a parameter."""
    if tile.shared_weights is not None:
        gradient_OI: Tensor = tile.shared_weights.grad
        return gradient_OI
    return torch.cat([d.flatten(0, -2) for d in ds]).T @ torch.cat([x.flatten(0, -2) for x in xs])


def _copy(tensor: Tensor | None) -> Tensor | None:
    return None if tensor is None else tensor.detach().clone()
