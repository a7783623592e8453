"""Options that several commands share, declared once. Imports nothing heavy: `--help` must answer at once."""

from pathlib import Path
from typing import Annotated, Any

import typer

SPEC = "The run (decides the result)"
EXECUTION = "Execution (does not decide the result)"

StoreOption = Annotated[
    str | None,
    typer.Option(
        "--store", metavar="PATH|URL", help="The results store (default: ANALOG_STORE, else results/analog.db)."
    ),
]
RegistryOption = Annotated[
    Path | None,
    typer.Option("--registry", metavar="DIR", help="A further registry folder, laid over the shipped one."),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]
NEWEST = 100
"""Runs that a table shows where nobody says how many."""
NewestOption = Annotated[
    int | None,
    typer.Option(
        "--newest",
        metavar="N",
        min=0,
        help=f"How many runs, from the newest back; 0: all (default: {NEWEST} in a table, all in --json and --csv).",
    ),
]
DryRunOption = Annotated[bool, typer.Option("--dry-run", help="Show what would be run, and run nothing.")]
QuietOption = Annotated[bool, typer.Option("--quiet", "-q", help="No progress on stderr.")]
DataDirOption = Annotated[
    str | None,
    typer.Option(
        "--data-dir",
        metavar="DIR",
        help="Where data sets lie (default: ANALOG_DATA_DIR, else a cache folder).",
        rich_help_panel=EXECUTION,
    ),
]
CudaOption = Annotated[
    int | None,
    typer.Option(
        "--cuda",
        metavar="INDEX",
        min=-1,
        help="CUDA device to use; without it, or with -1, the CPU.",
        rich_help_panel=EXECUTION,
    ),
]
ThreadsOption = Annotated[
    int | None,
    typer.Option("--threads", min=1, help="CPU threads (default: 1).", rich_help_panel=EXECUTION),
]
FuseOption = Annotated[
    str | None,
    typer.Option(
        "--fuse",
        metavar="N|auto",
        help="Most models that are trained at once (default: all of a run); auto: those of the sweep's other runs "
        "too, where the engine can.",
        rich_help_panel=EXECUTION,
    ),
]
CheckpointMinutesOption = Annotated[
    float,
    typer.Option(
        "--checkpoint-minutes",
        help="Longest time between two checkpoints within an epoch.",
        rich_help_panel=EXECUTION,
    ),
]
ProtocolOption = Annotated[
    str | None,
    typer.Option(
        "--protocol",
        help="Whose protocol, e.g. response, exact or multitile; `analog list experiments` has them.",
        rich_help_panel=SPEC,
    ),
]
TauOption = Annotated[
    float | None,
    typer.Option("--tau", help="Half dynamic range of the devices, in weight units (papers: τ).", rich_help_panel=SPEC),
]
DeviceOption = Annotated[
    str | None,
    typer.Option(
        "--device",
        metavar="NAME|FILE.py:CLASS",
        help="Devices at the cross points: a kind or preset (`analog list devices`), or a class of your own.",
        rich_help_panel=SPEC,
    ),
]
StatesOption = Annotated[
    float | None,
    typer.Option("--states", help="Conductance states of a device, 2 τ / Δw_min.", rich_help_panel=SPEC),
]
ClippingOption = Annotated[
    float | None,
    typer.Option(
        "--clipping", help="Dead zone: pulse increments below it are not applied [pulses].", rich_help_panel=SPEC
    ),
]
VarOption = Annotated[
    float | None,
    typer.Option("--var", help="Spread of the double devices' response, relative.", rich_help_panel=SPEC),
]
ResistorNoiseOption = Annotated[
    float | None,
    typer.Option(
        "--resistor-noise", "--resistor_noise", help="Read noise of the double devices.", rich_help_panel=SPEC
    ),
]
LrOption = Annotated[float | None, typer.Option("--lr", help="Learning rate of the optimizer.", rich_help_panel=SPEC)]
EpochsOption = Annotated[
    int | None, typer.Option("--epochs", help="Passes over the training set.", rich_help_panel=SPEC)
]
BatchSizeOption = Annotated[
    int | None, typer.Option("--batch-size", help="Images per mini-batch.", rich_help_panel=SPEC)
]
SeedOption = Annotated[
    int | None, typer.Option("--seed", help="Seed of model 0; model i uses seed + i.", rich_help_panel=SPEC)
]
NModelsOption = Annotated[
    int | None, typer.Option("--n-models", help="Models to train, each with its own seed.", rich_help_panel=SPEC)
]
DatasetOption = Annotated[
    str | None,
    typer.Option("--dataset", help="Data set, e.g. mnist or mnist5k; `analog data` lists them.", rich_help_panel=SPEC),
]
BackendOption = Annotated[
    str | None,
    typer.Option(
        "--backend",
        help="Engine: digital, native, aihwkit or magnetoionic (default: what the setting needs, else native).",
        rich_help_panel=SPEC,
    ),
]
ModelOption = Annotated[
    str | None,
    typer.Option("--model", help="Network of torchvision, e.g. resnet18 or MobileNetV3S.", rich_help_panel=SPEC),
]
PretrainedOption = Annotated[
    str | None,
    typer.Option(
        "--pretrained",
        metavar="imagenet|none|FILE",
        help="Weights that a network of torchvision starts from.",
        rich_help_panel=SPEC,
    ),
]
TrainModeOption = Annotated[
    str | None,
    typer.Option(
        "--train-mode",
        "-TM",
        metavar="FFT|FIX_BACKBONE|FIX_ANALOG|FULL_ANALOG",
        help="What of a network of torchvision lies on arrays, and what is trained.",
        rich_help_panel=SPEC,
    ),
]
BlockNumberOption = Annotated[
    str | None,
    typer.Option(
        "--block-number",
        "-block-number",
        metavar="N N N N",
        help="Blocks in the four stages of a ResNet: 2 2 2 2 is ResNet-18, 3 4 6 3 ResNet-34.",
        rich_help_panel=SPEC,
    ),
]
BlockTypeOption = Annotated[
    str | None,
    typer.Option(
        "--block-type",
        "-block-type",
        metavar="D|A …",
        help="Digital or analog: stem, layer1 to layer4 and fc of a ResNet, e.g. D D D A A A.",
        rich_help_panel=SPEC,
    ),
]
GammaOption = Annotated[
    float | None,
    typer.Option(
        "--gamma", "--TTv1-gamma", help="Weight of the fast array in what is read (papers: γ).", rich_help_panel=SPEC
    ),
]
TilesOption = Annotated[
    int | None,
    typer.Option("--tiles", help="Arrays in the cascade of multi-tile residual learning.", rich_help_panel=SPEC),
]
WarmStartOption = Annotated[
    str | None,
    typer.Option(
        "--warm-start",
        metavar="paper|code|off",
        help="Whose rule fills the coarse tiles before the cascade starts.",
        rich_help_panel=SPEC,
    ),
]
SetOption = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="PATH=VALUE",
        help="Set any field of the spec, e.g. device.dw_min=0.002 (repeatable).",
        rich_help_panel=SPEC,
    ),
]


def overrides(assignments: list[str] | None, **flags: Any) -> dict[str, Any]:
    """Return flags and ``--set`` assignments as dotted paths with values; ``--set`` has the last word."""
    from analogcli.registry import FLAGS
    from analogcli.spec import parse_assignment

    paths = {option.removeprefix("--").replace("-", "_"): path for path, option in FLAGS.items()}
    given = {paths[name]: value for name, value in flags.items() if value is not None}
    return given | dict(parse_assignment(text) for text in assignments or [])
