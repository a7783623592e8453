"""Response functions of devices: q₊ and q₋ on top, their symmetric part F and asymmetric part G below.

Nothing is trained for them: what is drawn are the laws of :mod:`analogcli.crossbar`, of the mean device.

Axes: R and O are 1, I the weights of the horizontal axis.
"""

from collections.abc import Sequence
from itertools import cycle

import numpy as np
import torch
from matplotlib.figure import Figure as Canvas
from matplotlib.lines import Line2D
from pydantic import TypeAdapter

from analogcli.crossbar import ResponseLaw, draw_devices
from analogcli.figures.theme import COLOURS, themed
from analogcli.registry.entries import Devices, Figure
from analogcli.spec import Device

PANEL_INCHES = (3.0, 3.8)
POINTS = 401
DASHES = ("-", "--")
NAMES = ("q₊", "q₋", "F", "G")
"""What is drawn, solid and dashed on top, then solid and dashed below."""
EQUAL = {"dw_min_std": 0, "dw_min_dtod": 0, "w_max_dtod": 0, "w_min_dtod": 0, "up_down_dtod": 0}
"""No device differs from the mean one."""


def responses(devices: Devices) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Return weights between the bounds, and the responses there [units of dw_min]."""
    law = _law(devices)
    w_ROI = torch.linspace(law.spec.w_min, law.spec.w_max, POINTS)[None, None]
    f_ROI, g_ROI = law.f_and_g(w_ROI)
    found = (law.q_plus(w_ROI), law.q_minus(w_ROI), f_ROI, g_ROI)
    return w_ROI[0, 0].numpy(), {name: q_ROI[0, 0].numpy() for name, q_ROI in zip(NAMES, found, strict=True)}


def draw_figure(figure: Figure) -> Canvas:
    """Draw the responses of all panels' devices, one column a panel and one colour a device."""
    width, height = figure.style.panel_inches or PANEL_INCHES
    with themed():
        canvas = Canvas(figsize=(width * len(figure.panels), height), layout="constrained")
        axes = canvas.subplots(2, len(figure.panels), squeeze=False, sharex="col")
        for column, panel in zip(axes.T, figure.panels, strict=True):
            for devices, colour in zip(panel.devices, cycle(COLOURS), strict=False):
                w_I, found = responses(devices)
                for place, name in enumerate(NAMES):
                    column[place // 2].plot(w_I, found[name], DASHES[place % 2], color=colour)
            for ax, names in zip(column, (NAMES[:2], NAMES[2:]), strict=True):
                ax.axhline(0, color="0.7", linewidth=0.6, zorder=0)
                low, high = ax.get_ylim()
                ax.set_ylim(low, high + 0.2 * (high - low))
                ax.add_artist(ax.legend(handles=_kinds(names), loc="upper center", ncol=2))
            column[0].set_title(panel.title, fontsize=9)
            column[1].set_xlabel("Weight w")
            if len(panel.devices) > 1:
                named = zip(panel.devices, cycle(COLOURS), strict=False)
                handles = [Line2D([], [], color=colour, linewidth=3, label=d.label) for d, colour in named]
                column[1].legend(
                    handles=handles, loc="upper center", bbox_to_anchor=(0.5, -0.26), ncol=3, handlelength=1.8
                )
        axes[0][0].set_ylabel("Response [$\\Delta w_{min}$]")
        axes[1][0].set_ylabel("Its parts [$\\Delta w_{min}$]")
        return canvas


def _kinds(names: Sequence[str]) -> list[Line2D]:
    solid, dashed = names
    return [
        Line2D([], [], color="0.4", linestyle="-", label=solid),
        Line2D([], [], color="0.4", linestyle="--", label=dashed),
    ]


def numbers(figure: Figure) -> list[dict[str, object]]:
    """Return what is drawn as rows."""
    return [
        {"panel": panel.title, "device": devices.label, "w": float(w), **{n: float(q[i]) for n, q in found.items()}}
        for panel in figure.panels
        for devices in panel.devices
        for w_I, found in [responses(devices)]
        for i, w in enumerate(w_I)
    ]


def _law(devices: Devices) -> ResponseLaw:
    spec = TypeAdapter[Device](Device).validate_python(EQUAL | devices.device)
    return draw_devices(spec, (1, 1), [torch.Generator().manual_seed(0)])
