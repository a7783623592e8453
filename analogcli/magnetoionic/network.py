"""A network of pairs in training: R models in the same tensors, forward and backward written out.

::

    x ─► pairs ─► BatchNorm ─► ReLU ─► … ─► pairs ─► BatchNorm ─► log-softmax ─► loss of each model

The border of zeros around the images has no part in it: what is 0 for every image gives a voltage of 0 and a gradient
of 0, so that these devices keep their first state for ever. :func:`border` draws that state.

Source: as :mod:`.laws`. Axes: R replica, B batch, I in, O out, K classes.
"""

from collections.abc import Sequence
from copy import copy
from itertools import pairwise

import torch
from torch import Tensor

from analogcli.crossbar import Randomness
from analogcli.generators import stream
from analogcli.magnetoionic.laws import DeviceLaw, ExponentialLaw, LinearLaw
from analogcli.magnetoionic.layer import PairLayer
from analogcli.magnetoionic.own import law_of
from analogcli.magnetoionic.pairs import initial_pairs
from analogcli.spec import BatchNormFcnModel, DoubleDevice

COUNTERPARTS: dict[type[DeviceLaw], type[DeviceLaw]] = {LinearLaw: ExponentialLaw, ExponentialLaw: LinearLaw}
"""The law of the same devices when the field is switched."""


class PairNetwork:
    """Layers of pairs with BatchNorm behind each, for R models that differ in seed, law and dead zone only."""

    def __init__(
        self,
        model: BatchNormFcnModel,
        specs: Sequence[DoubleDevice],
        sizes: Sequence[int],
        idle: int,
        seeds: Sequence[int],
        device: torch.device,
    ) -> None:
        """Draw the initial states.

        Args:
            model: the network.
            specs: how each model learns.
            sizes: numbers of inputs, hidden neurons and classes.
            idle: inputs of the border, which are always 0.
            seeds: one for each model.
            device: where the tensors live.
        """
        self.noise = Randomness(seeds, device)
        self.seeds = seeds
        self.laws = [law_of(spec) for spec in specs]
        self.entries = sum(i * o for i, o in pairwise(sizes)) + idle * sizes[1]
        self.layers = [
            PairLayer(place, (o, i), specs, self.laws, seeds, model.momentum, self.noise)
            for place, (i, o) in enumerate(pairwise(sizes))
        ]
        self.scale = specs[0].input_scale

    def train_step(self, x_RBI: Tensor, y_RB: Tensor, lr_R: Tensor) -> Tensor:
        """Learn from one mini-batch for each model; return the losses [R] before the update."""
        h_RBI, kept = x_RBI, []
        for layer in self.layers:
            n_RBO, scale_R1O = layer.normalise(layer.forward(h_RBI))
            kept.append((h_RBI, n_RBO, scale_R1O))
            h_RBI = n_RBO.relu() if layer is not self.layers[-1] else n_RBO
        log_p_RBK, y_RB1 = h_RBI.log_softmax(2), y_RB.unsqueeze(2)
        loss_R = -log_p_RBK.gather(2, y_RB1).squeeze(2).mean(1)
        d_RBO = log_p_RBK.exp_().scatter_add_(2, y_RB1, x_RBI.new_full((1, 1, 1), -1.0).expand(y_RB1.shape))
        d_RBO.div_(y_RB.shape[1])
        for layer, (h_RBI, n_RBO, scale_R1O) in zip(reversed(self.layers), reversed(kept), strict=True):
            further = layer is not self.layers[0]
            d_RBI = layer.backward(_through_normalisation(d_RBO, n_RBO, scale_R1O), h_RBI, further=further)
            if d_RBI is not None:
                d_RBO = torch.ops.aten.threshold_backward(d_RBI, h_RBI, 0)
        for layer in self.layers:
            layer.learn(lr_R)
        return loss_R

    @torch.no_grad()
    def log_probs(self, x_BI: Tensor) -> Tensor:
        """Return log-probabilities [R, B, K], with noise and with the statistics of training."""
        h_RBI = x_BI.expand(len(self.seeds), *x_BI.shape)
        for layer in self.layers:
            h_RBI = layer.normalise_as_learnt(layer.forward(h_RBI))
            if layer is not self.layers[-1]:
                h_RBI.relu_()
        return h_RBI.log_softmax(2)

    def swapped(self) -> "PairNetwork | None":
        """Return a copy for tests in which the field is switched, None if a law has no counterpart.

        Every device keeps its pulses and gets the state of the other built-in law, currents are scaled by the ratio of
        the ranges, and the statistics of the normalisation stay those of training.
        """
        if not all(type(law) in COUNTERPARTS for law in self.laws):
            return None
        other = copy(self)
        other.laws = [COUNTERPARTS[type(law)]() for law in self.laws]
        other.noise = Randomness(self.seeds, self.noise.device)
        other.layers = [layer.under(other.laws, other.noise) for layer in self.layers]
        return other

    def gradient_magnitude(self) -> list[float]:
        """Return for each model the mean of |∂L/∂w| over all devices, those of the border included."""
        sum_R = sum((layer.g_ROI.abs().sum((1, 2), dtype=torch.float64) for layer in self.layers), torch.tensor(0.0))
        magnitudes: list[float] = (sum_R * (self.scale / self.entries)).tolist()
        return magnitudes

    def state_dict(self) -> list[dict[str, Tensor]]:
        """Return for each model its devices and statistics, named as in the authors' files, and its random stream."""
        tensors = self._tensors()
        return [
            {name: tensor[r].clone() for name, tensor in tensors.items()} | {f"noise/{n}": t for n, t in noise.items()}
            for r, noise in enumerate(self.noise.of_models())
        ]

    def load_state_dict(self, states: list[dict[str, Tensor]]) -> None:
        """Continue from :meth:`state_dict`."""
        for name, tensor in self._tensors().items():
            tensor.copy_(torch.stack([state[name] for state in states]))
        for layer in self.layers:
            torch.sub(layer.w2_ROI, layer.w1_ROI, out=layer.w_ROI)
        self.noise.load_state_dict({name: states[0][f"noise/{name}"] for name in self.noise.state_dict()})

    def _tensors(self) -> dict[str, Tensor]:
        tensors: dict[str, Tensor] = {}
        for layer in self.layers:
            pairs, normalisation = names(layer.place)
            tensors |= {f"{pairs}.weight1": layer.w1_ROI, f"{pairs}.weight2": layer.w2_ROI}
            tensors |= {f"{normalisation}.running_mean": layer.mean_RO, f"{normalisation}.running_var": layer.var_RO}
        return tensors


def names(place: int) -> tuple[str, str]:
    """Return the names of a layer and its normalisation: Flatten is layers.0, and ReLU follows every normalisation."""
    return f"layers.{3 * place + 1}", f"layers.{3 * place + 2}"


def weights_of(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """Return w₂ − w₁ [O, I] by layer, in their order, from the state of one model; without the border."""
    n_layers = sum(name.endswith(".weight1") for name in state)
    layers = [names(place)[0] for place in range(n_layers)]
    return {layer: state[f"{layer}.weight2"] - state[f"{layer}.weight1"] for layer in layers}


def border(law: DeviceLaw, init: float, shape_OI: tuple[int, int], seed: int) -> list[Tensor]:
    """Return w₁ and w₂ of the devices [O, I] at the inputs of the border, which never move."""
    return initial_pairs(law, init, shape_OI, stream(seed, "init/border"))


def _through_normalisation(d_RBO: Tensor, n_RBO: Tensor, scale_R1O: Tensor) -> Tensor:
    """Return ∂L/∂V from the gradient of the normalised voltages n = (V − mean) · scale."""
    along_R1O = torch.linalg.vecdot(d_RBO, n_RBO, dim=1).unsqueeze(1).div_(d_RBO.shape[1])
    d_RBO = d_RBO - d_RBO.mean(1, keepdim=True)
    return d_RBO.addcmul_(n_RBO, along_R1O, value=-1).mul_(scale_R1O)
