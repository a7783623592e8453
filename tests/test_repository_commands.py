"""Every command in the papers' own READMEs has a line here, and that line means the same run."""

import re
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from command_kit import Done
from markdown_kit import expand

from analogcli.registry import load

README = Path(__file__).parents[1] / "README.md"
REGISTRY = load()
MODELS = {
    "Resnet18": "resnet18",
    "Resnet34": "resnet34",
    "Resnet50": "resnet50",
    "MobileNetV2": "mobilenet_v2",
    "MobileNetV3L": "mobilenet_v3_large",
    "MobileNetV3S": "mobilenet_v3_small",
}
TOLD = [
    # arXiv 2406.12774, folder NeurIPS-2024
    "S1-SGD-diff-lr.py",
    "S2-dynamic-verification.py",
    "S3.1-ablation-tau.py",
    "S3.2-ablation-sigma.py",
    "S3.3-ablation-init.py",
    'S4.{1-mnist-FCN,2-mnist-CNN}.py --SETTING="FP SGD" --CUDA=0',
    'S4.1-mnist-FCN.py --SETTING="{Analog SGD,TT-v1}" --CUDA=0 --tau={0.6,0.78,0.8}',
    'S4.2-mnist-CNN.py --SETTING="{Analog SGD,TT-v1}" --CUDA=0 --tau={0.6,0.7,0.8}',
    "S4.{1-plot-FCN,2-plot-CNN}.py",
    'A12-resnet-finetune.py --model="{Resnet18,Resnet34,Resnet50}" -FFT --optimizer="FP SGD" --CUDA=0',
    'A12-resnet-finetune.py --model="{Resnet18,Resnet34,Resnet50}" -FFT --optimizer="{Analog SGD,TT-v1}" --tau=0.8'
    " --CUDA=0",
    'S4.2-mnist-CNN.py --SETTING="FP SGD" --CUDA=0 --save-checkpoint',
    'S4.1-mnist-FCN.py --SETTING="{Analog SGD,TT-v1}" --CUDA=0 --tau=0.7 --save-checkpoint',
    "S6-plot-distribution.py",
    # arXiv 2502.06309, folder NeurIPS-2025
    "S1-TT-fails.py",
    'S{1-mnist-FCN,2-mnist-CNN}.py --SETTING="FP SGD" --CUDA=0',
    'S1-mnist-FCN.py --SETTING="{Analog SGD,TT-v1}" --CUDA=0 --tau={0.5,0.6,0.7}',
    'S2-mnist-CNN.py --SETTING="{Analog SGD,TT-v1}" --CUDA=0 --tau={0.6,0.7,0.8}',
    'A12-resnet-finetune.py --dataset="{CIFAR10,CIFAR100}" --model="{Resnet18,Resnet34,Resnet50}" -TM="FFT"'
    ' --optimizer="{Analog SGD,TT-v1}" -lr=0.15 --tau=0.1 --TTv1-gamma=0.4 --CUDA=0',
    'A12-resnet-finetune.py --dataset="{CIFAR10,CIFAR100}" --model="{MobileNetV2,MobileNetV3L,MobileNetV3S}" -TM="FFT"'
    ' --optimizer="Analog SGD" -lr=0.15 --tau=0.05 --CUDA=0',
    'A12-resnet-finetune.py --dataset="{CIFAR10,CIFAR100}" --model="{MobileNetV2,MobileNetV3L,MobileNetV3S}" -TM="FFT"'
    ' --optimizer="TT-v1" -lr=0.15 --tau=0.05 --TTv1-gamma=0.4 --CUDA=0',
    'S3-resnet.py --dataset="{CIFAR10,CIFAR100}" --model="Resnet18" -FFT --optimizer="TT-v1"'
    " --TTv1-gamma={0.1,0.2,0.3,0.4} --RPU=Exp --tau=0.1 --res-gamma=3. --CUDA=0",
    # arXiv 2510.02516
    'Mnist_LeNet5.py --SETTING="ResL" --CUDA=0',
    'CIFAR-Resnet.py --optimizer="ResL" -block-number {2 2 2 2,3 4 6 3} -block-type D D D A A A --CUDA=0 --io-perfect',
    # 10.1021/acs.nanolett.4c05247
    "main.py --lr {500,1000,2000,3000,4000,5000} --field {double-linear,double-exponential} --task MNIST --var 0.2"
    " --resistor_noise 0.015 --clipping 0.1",
]
"""The commands of the papers' READMEs."""


def rows() -> list[tuple[str, str]]:
    """Return the README's table with braces expanded: command of a repository, command here."""
    text = README.read_text(encoding="utf-8") if README.is_file() else ""
    _, _, table = text.partition("| repository command | here |")
    lines = [line for line in table.split("\n\n")[0].splitlines() if line.startswith("| `")]
    found = []
    for line in lines:
        left, right = line.strip("| ").split(" | ")
        (ours,) = re.findall(r"`([^`]+)`", right)
        for theirs in re.findall(r"`([^`]+)`", left):
            found += [(a, b) for a, b in expand(theirs, ours)]
    return found


ROWS = rows()


@pytest.mark.parametrize("command", [one for told in TOLD for (one,) in expand(told)])
def test_every_command_of_the_papers_readmes_has_a_line(command: str) -> None:
    assert command in dict(ROWS)


@pytest.mark.parametrize(("theirs", "ours"), ROWS, ids=[theirs for theirs, _ in ROWS])
def test_the_line_means_the_same_run(theirs: str, ours: str, analog: Callable[..., Done]) -> None:
    for command in ours.split(" && "):
        _, verb, *words = shlex.split(command)
        if verb == "plot":
            assert REGISTRY.figure(words[0])
            continue
        done = analog(verb, *words, "--dry-run")
        assert done.code == 0, done.err
        if verb == "run":
            check(theirs, yaml.safe_load(done.out))


def check(theirs: str, spec: dict[str, Any]) -> None:
    """Compare what the flags of a script say with the spec."""
    for name, value in re.findall(r"-(\w[\w-]*)[= ]\"?([^\"-]+?)\"?(?= -|$)", theirs):
        match name:
            case "tau":
                assert spec["device"]["tau"] == float(value)
            case "lr":
                assert spec["task"]["lr"] == float(value)
            case "SETTING" | "optimizer":
                assert spec["setting"] == value.lower().replace(" ", "-")
            case "field":
                assert spec["setting"] == value
            case "model":
                assert spec["task"]["model"]["name"] == MODELS[value]
            case "dataset" | "task":
                assert spec["task"]["dataset"] == value.lower()
            case "TTv1-gamma" if spec["setting"] == "tt-v1":
                assert spec["algorithm"]["gamma"] == float(value)
            case "res-gamma":
                assert (spec["device"]["kind"], spec["device"]["gamma_res"]) == ("exponential", float(value))
            case "var" | "clipping" | "resistor_noise":
                assert spec["algorithm"][name] == float(value)
            case "block-number":
                assert spec["task"]["model"]["blocks"] == [int(word) for word in value.split()]


def test_a_wrong_line_is_found() -> None:
    right = REGISTRY.spec("mnist-fcn", setting="tt-v1", overrides={"device.tau": 0.5}).model_dump(mode="json")
    check('S1-mnist-FCN.py --SETTING="TT-v1" --CUDA=0 --tau=0.5', right)
    for wrong in ('S1-mnist-FCN.py --SETTING="Analog SGD" --tau=0.5', 'S1-mnist-FCN.py --SETTING="TT-v1" --tau=0.6'):
        with pytest.raises(AssertionError):
            check(wrong, right)
