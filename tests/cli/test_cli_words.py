"""What the papers' scripts are called with is what the command line understands."""

from collections.abc import Callable
from typing import Any

import pytest
import yaml
from command_kit import Done

from analogcli.cli.words import joined

SEED = ("run", "cifar-resnet", "--setting", "ResL", "-block-number", "2", "2", "2", "2", "-block-type", *"DDDAAA")
FINETUNE = ("run", "cifar-finetune", "--setting", "TT-v1", "--lr=0.15", "--tau=0.1")


def spec_of(done: Done) -> Any:
    assert done.code == 0, done.err
    return yaml.safe_load(done.out)


@pytest.mark.parametrize(
    ("typed", "taken"),
    [
        ("run x -block-type D D D A A A --cuda 0", ["run", "x", "-block-type", "D D D A A A", "--cuda", "0"]),
        ("run --block-number 3 4 6 3 x", ["run", "--block-number", "3 4 6 3", "x"]),
        ("run x --block-type DDDAAA", ["run", "x", "--block-type", "DDDAAA"]),
        ("run x --block-type", ["run", "x", "--block-type"]),
        ("run x --epochs 3", ["run", "x", "--epochs", "3"]),
    ],
)
def test_words_of_one_value_are_joined_and_no_others(typed: str, taken: list[str]) -> None:
    assert joined(typed.split()) == taken


@pytest.mark.parametrize("blocks", [(2, 2, 2, 2), (3, 4, 6, 3)])
def test_the_command_of_the_multi_tile_paper(analog: Callable[..., Done], blocks: tuple[int, ...]) -> None:
    words = (*SEED[:5], *map(str, blocks), *SEED[9:], "--io-perfect", "--cuda=-1", "--dry-run")
    spec = spec_of(analog(*words))
    assert spec["task"]["model"] == {"kind": "resnet", "blocks": list(blocks), "width": 64, "block_type": "DDDAAA"}
    assert spec["algorithm"]["kind"] == "resl"
    assert spec["periphery"]["forward"]["perfect"] and spec["periphery"]["backward"]["perfect"]
    assert spec["algorithm"]["transfer_read"]["perfect"]


def test_the_command_for_lenet5_of_the_multi_tile_paper(analog: Callable[..., Done]) -> None:
    plain = spec_of(analog("run", "Mnist_LeNet5", "--setting=ResL", "--cuda=-1", "--dry-run"))
    assert (plain["experiment"], plain["protocol"], plain["algorithm"]["tiles"]) == ("mnist-lenet5", "multitile", 6)
    words = ("--states", "4", "--tiles", "7", "--gamma", "0.2", "--warm-start", "code", "--dry-run")
    spec = spec_of(analog("run", "mnist-lenet5", *words))
    assert spec["device"]["dw_min"] == 0.5
    algorithm = spec["algorithm"]
    assert (algorithm["tiles"], algorithm["gamma"], algorithm["warm_start"]) == (7, 0.2, "code-mnist")
    without = spec_of(analog("run", "mnist-lenet5", "--warm-start", "off", "--dry-run"))
    assert without["algorithm"]["warm_start"] == "off"


@pytest.mark.parametrize(
    ("flag", "perfect"), [("-io-perfect-F", "forward"), ("-io-perfect-B", "backward"), ("-io-perfect-T", "transfer")]
)
def test_every_read_has_a_flag_of_its_own(analog: Callable[..., Done], flag: str, perfect: str) -> None:
    spec = spec_of(analog("run", "mnist-fcn", "--setting", "tt-v1", flag, "--dry-run"))
    reads = spec["periphery"] | {"transfer": spec["algorithm"]["transfer_read"]}
    assert {name for name, read in reads.items() if read["perfect"]} == {perfect}


def test_bits_and_noise_are_those_of_all_reads(analog: Callable[..., Done]) -> None:
    words = ("--io-inp-res-bit", "5", "--io-out-res-bit=6", "--io-inp-noise", "0.01", "--io-out-noise=0", "--dry-run")
    spec = spec_of(analog("run", "mnist-fcn", "--setting", "tt-v1", *words))
    for read in (*spec["periphery"].values(), spec["algorithm"]["transfer_read"]):
        assert (read["inp_steps"], read["out_steps"], read["inp_noise"], read["out_noise"]) == (30, 62, 0.01, 0)


def test_flags_of_a_transfer_do_nothing_where_nothing_is_transferred(analog: Callable[..., Done]) -> None:
    spec = spec_of(analog("run", "mnist-fcn", "--setting", "analog-sgd", "--io-perfect", "--dry-run"))
    assert spec["algorithm"] == {"kind": "analog-sgd"}


@pytest.mark.parametrize(
    ("typed", "name"),
    [
        ("Resnet18", "resnet18"),
        ("MobileNetV2", "mobilenet_v2"),
        ("MobileNetV3L", "mobilenet_v3_large"),
        ("MobileNetV3S", "mobilenet_v3_small"),
    ],
)
def test_the_commands_of_the_fine_tuning_papers(analog: Callable[..., Done], typed: str, name: str) -> None:
    spec = spec_of(analog(*FINETUNE, f"--model={typed}", "-TM=FFT", "--TTv1-gamma=0.4", "--dry-run"))
    assert (spec["task"]["model"]["name"], spec["task"]["model"]["train_mode"]) == (name, "fft")
    assert (spec["algorithm"]["gamma"], spec["task"]["lr"], spec["protocol"]) == (0.4, 0.15, "response-cifar")


@pytest.mark.parametrize("mode", ["FFT", "FIX_BACKBONE", "FIX_ANALOG", "FULL_ANALOG", "fix-analog", "Fft"])
def test_train_modes_in_any_spelling(analog: Callable[..., Done], mode: str) -> None:
    spec = spec_of(analog(*FINETUNE, "--train-mode", mode, "--pretrained", "None", "--dry-run"))
    assert spec["task"]["model"]["train_mode"] == mode.lower().replace("_", "-")
    assert spec["task"]["model"]["pretrained"] == "none"


@pytest.mark.parametrize("protocol", ["exact", "exact-cifar", "response"])
def test_a_protocol_answers_to_the_paper(analog: Callable[..., Done], protocol: str) -> None:
    spec = spec_of(analog("run", "cifar-finetune", "--protocol", protocol, "--dry-run"))
    assert spec["protocol"] == f"{protocol.removesuffix('-cifar')}-cifar"
