"""A trained model on AIHWKit's inference tiles: programmed, drifted and compensated by AIHWKit itself.

The noise of the phase-change memory comes from torch's generator and follows the model's seed; that of the reads has
none. Axes: B batch, C channel, H, W image, K outputs.
"""

import torch
from torch import Tensor, nn

from analogcli.backends.aihwkit import state
from analogcli.backends.aihwkit.inference import drift_compensation, noise_model
from analogcli.backends.aihwkit.trainable import AihwkitModel
from analogcli.generators import derived_seed
from analogcli.spec import HardwareAware, Ideal, PcmInference, RunSpec


class ProgrammedModel:
    """One model, R = 1 (:class:`~analogcli.backends.base.Programmable`)."""

    def __init__(
        self, network: nn.Module, spec: RunSpec, seed: int, trained: dict[str, Tensor], device: torch.device
    ) -> None:
        tiles = spec.model_copy(update={"algorithm": HardwareAware(), "device": Ideal()})
        self._model = AihwkitModel(network, tiles, seed, device)
        state.load_weights(self._model.network, trained)
        self._model.network.eval()
        self._seed, self._repeat = seed, 0

    def outputs(self, x_BCHW: Tensor) -> Tensor:
        """Return the outputs [1, B, K]."""
        return self._model.outputs(x_BCHW)[None]

    def program(self, settings: PcmInference, repeat: int) -> None:
        """Write the trained weights onto new devices; AIHWKit keeps what was trained as its reference."""
        self._repeat = repeat
        for tile in self._model.network.analog_tiles():
            tile.rpu_config.noise_model = noise_model(settings)
            tile.rpu_config.drift_compensation = drift_compensation(settings)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(derived_seed(self._seed, f"inference/{repeat}"))
            self._model.network.program_analog_weights()

    def at_time(self, seconds: float) -> None:
        """Let what was programmed be ``seconds`` old."""
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(derived_seed(self._seed, f"inference/{self._repeat}/{float(seconds)!r}"))
            self._model.network.drift_analog_weights(seconds)
