"""Algorithms of the Tiki-Taka family: the gradient goes onto a fast array A, which is transferred to a slow array C.

Names and defaults are those of AIHWKit's compounds, but ``fast_lr`` is absolute (AIHWKit: ``scale_fast_lr=False``,
the only behaviour up to 1.1.0), as all papers have it.
"""

from typing import ClassVar, Literal

from pydantic import Field

from analogcli.spec.base import Spec
from analogcli.spec.devices import FurtherDevice
from analogcli.spec.periphery import TransferRead
from analogcli.spec.update import TransferPulses


class SinglePulse(TransferPulses):
    """The write of a threshold: by default exactly one pulse where something is to be written."""

    desired_bl: int = Field(1, ge=1)
    """Largest length of a pulse train, and the most that a buffer writes at once [pulses]."""
    update_management: bool = False
    """Balance the pulse probabilities of x and d; always on where update_bl_management is."""
    update_bl_management: bool = False
    """Shorten the trains to what the largest requested change needs."""


class Transfer(Spec):
    """What all algorithms with a fast and a slow array share (AIHWKit: TransferCompound)."""

    LATER: ClassVar[frozenset[str]] = frozenset({"fast_device"})

    gamma: float = Field(0.0, ge=0)
    """Weight of the fast array in the visible weight, W = gamma·A + C."""
    # Left out where it is null: runs without it keep the hash that they had before there was this field.
    fast_device: FurtherDevice | None = None
    """Devices of the fast array; null: those of the run."""
    fast_lr: float = Field(1.0, ge=0)
    """Learning rate of the gradient onto the fast array, absolute; 0: the optimizer's.

    The papers call it β (2024) and α (2025)."""
    transfer_lr: float = Field(1.0, gt=0)
    """Learning rate of the transfer."""
    scale_transfer_lr: bool = True
    """Multiply transfer_lr by the optimizer's learning rate."""
    transfer_every: float = Field(1.0, gt=0)
    """Period of the transfer [mini-batches if units_in_mbatch, else vectors]."""
    units_in_mbatch: bool = True
    """Count the period in mini-batches."""
    transfer_read: TransferRead = TransferRead()
    """Periphery of the read of the fast array."""
    transfer_update: TransferPulses = TransferPulses()
    """Pulses of the write onto the slow array."""


class TikiTakaV1(Transfer):
    """Tiki-Taka v1: gradient onto a fast array whose columns are transferred to a slow one (AIHWKit: TransferCompound).

    The residual learning v1 of the 2025 paper is this algorithm with gamma > 0.
    """

    kind: Literal["tt-v1"] = "tt-v1"
    n_reads_per_transfer: int = Field(1, ge=1)
    """Columns read per transfer; the cursor moves on cyclically."""


class BufferedTikiTaka(Transfer):
    """Tiki-Taka v2: a digital buffer between fast and slow array (AIHWKit: BufferedTransferCompound)."""

    kind: Literal["tt-v2"] = "tt-v2"
    n_reads_per_transfer: int = Field(1, ge=1)
    """Columns read per transfer; the cursor moves on cyclically."""
    thres_scale: float = Field(1.0, gt=0)
    """Threshold of the buffer [granularities of the slow array]."""
    momentum: float = Field(0.1, ge=0, le=1)
    """Part of the buffer that is kept when it is written."""
    forget_buffer: bool = True
    """True: a written buffer keeps momentum times its value; false: it loses (1 - momentum) times what was written."""
    transfer_update: SinglePulse = SinglePulse()
    """Pulses of the write onto the slow array."""


class ChoppedTransfer(Transfer):
    """What the algorithms with AIHWKit's ChoppedTransferCompound share: a buffer in pulses, one column a transfer."""

    units_in_mbatch: bool = False
    """Count the period in mini-batches."""
    buffer_granularity: float = Field(1.0, gt=0)
    """Threshold of the buffer [granularities of the fast array]."""
    auto_granularity: float = Field(0.0, ge=0)
    """0: off; else the threshold is also multiplied by auto_granularity/(columns·transfer_every)."""
    momentum: float = Field(0.0, ge=0, le=1)
    """Part of the buffer that is kept when it is written."""
    forget_buffer: bool = True
    """True: a written buffer keeps momentum times its value; false: it loses (1 - momentum) times what was written."""
    auto_scale: bool = False
    """Divide fast_lr by running means of max|x| and max|d|: fast_lr is then the mean part of a full pulse train."""
    auto_momentum: float = Field(0.99, ge=0, lt=1)
    """What the running means keep in one mini-batch."""
    correct_gradient_magnitudes: bool = False
    """Divide what is read by the rate it was learnt with, so that the buffer holds gradients."""
    transfer_update: SinglePulse = SinglePulse()
    """Pulses of the write onto the slow array."""


class TikiTakaV2Chopped(ChoppedTransfer):
    """Tiki-Taka v2 of the 2024 and 2025 papers (AIHWKit: ChoppedTransferCompound without choppers, TTv2 presets)."""

    kind: Literal["tt-v2-chopped"] = "tt-v2-chopped"


class ChoppedTikiTaka(ChoppedTransfer):
    """Chopped Tiki-Taka v2, the scripts' TT-v3: random signs take offsets out (AIHWKit: ChoppedTransferCompound)."""

    kind: Literal["c-ttv2"] = "c-ttv2"
    in_chop_prob: float = Field(0.1, gt=0, le=1)
    """Probability that the sign of a column flips after it was read."""
    in_chop_random: bool = True
    """False: the signs flip regularly, every 1/in_chop_prob sweeps over the columns."""


class Agad(ChoppedTransfer):
    """AGAD, the scripts' TT-v4: the reference is learnt at every flip (AIHWKit: DynamicTransferCompound)."""

    kind: Literal["agad"] = "agad"
    in_chop_prob: float = Field(0.1, gt=0, le=1)
    """The signs flip every 1/in_chop_prob sweeps over the columns."""
    in_chop_random: bool = False
    """True: after each read a sign flips with in_chop_prob in addition."""
    tail_weightening: float = Field(5.0, gt=0)
    """The learnt reference is a mean over about 1/(in_chop_prob·tail_weightening) reads."""
