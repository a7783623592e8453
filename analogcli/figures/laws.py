"""The laws of the magneto-ionic devices: state against pulses, and the step that one more pulse makes."""

import numpy as np
import torch
from matplotlib.figure import Figure as Canvas

from analogcli.figures.theme import COLOURS, PANEL_INCHES, themed
from analogcli.magnetoionic import DeviceLaw, ExponentialLaw, LinearLaw

LAWS: dict[str, DeviceLaw] = {"exponential (no field)": ExponentialLaw(), "linear (field)": LinearLaw()}


def draw_laws(title: str) -> Canvas:
    """Draw both built-in laws over their range, beside the steps of single pulses."""
    with themed():
        canvas = Canvas(figsize=(1.8 * PANEL_INCHES[0], PANEL_INCHES[1]), layout="constrained")
        state, step = canvas.subplots(1, 2)
        for (label, law), colour in zip(LAWS.items(), COLOURS, strict=False):
            x = torch.arange(law.pulses + 1, dtype=torch.float64)
            w = law.f(x).numpy()
            state.plot(x.numpy(), w, color=colour, marker="o", markersize=3, label=label)
            for rail in (law.start, law.stop):
                state.axhline(rail, color=colour, linewidth=0.6, linestyle=":")
            step.plot(x.numpy()[1:], -np.diff(w), color=colour, marker="o", markersize=3, label=label)
        state.set_ylabel("State of the device [-]")
        step.set_ylabel("Fall by the pulse [-]")
        step.set_ylim(0)
        for ax in (state, step):
            ax.set_xlabel("Pulses [-]")
        state.legend()
        canvas.suptitle(title, fontsize=9)
        return canvas


def numbers() -> list[dict[str, object]]:
    """Return what is drawn as rows."""
    return [
        {"law": label, "pulses": n, "state": float(law.f(torch.tensor(float(n), dtype=torch.float64)))}
        for label, law in LAWS.items()
        for n in range(int(law.pulses) + 1)
    ]
