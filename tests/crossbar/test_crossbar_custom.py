"""A user's own device: two formulas in a file of their own, and one sentence for everything that can be wrong."""

import hashlib
from pathlib import Path
from typing import Any

import pytest
import torch
from crossbar_helpers import EQUAL, TAU

from analogcli.crossbar import draw_devices
from analogcli.crossbar.custom import parameters
from analogcli.errors import SpecError
from analogcli.spec import CustomStep

HEAD = "from dataclasses import dataclass\nimport torch\nfrom analogcli.crossbar import CustomDevice\n"
GOOD = """
@dataclass(frozen=True)
class MyDevice(CustomDevice):
    gamma: float = 2.0

    def q_plus(self, w):
        return (1 - w / self.tau) ** self.gamma

    def q_minus(self, w):
        return (1 + w / self.tau) ** self.gamma
"""


@pytest.fixture
def write(tmp_path: Path) -> Any:
    def write(body: str = GOOD) -> str:
        file = tmp_path / "my_device.py"
        file.write_text(HEAD + body, encoding="utf-8")
        return f"{file}:MyDevice"

    return write


def draw(spec: CustomStep) -> Any:
    return draw_devices(spec, (1, 3), [torch.Generator().manual_seed(0)])


def said(spec: CustomStep) -> str:
    with pytest.raises(SpecError) as caught:
        draw(spec).table  # noqa: B018 - formulas are evaluated when they are first needed
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_its_formulas_are_those_of_every_device(write: Any) -> None:
    law = draw(CustomStep(law=write(), tau=TAU, parameters={"gamma": 3.0}, **EQUAL))
    w = torch.tensor([[[-0.3, 0.0, 0.45]]])
    torch.testing.assert_close(law.q_plus(w), (1 - w / TAU) ** 3, atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(law.q_minus(w), (1 + w / TAU) ** 3, atol=1e-5, rtol=1e-5)


def test_its_parameters_are_recorded_with_their_defaults(write: Any) -> None:
    assert parameters(CustomStep(law=write())) == {"gamma": 2.0}
    assert parameters(CustomStep(law=write(), parameters={"gamma": 3.0})) == {"gamma": 3.0}


def test_every_device_stretches_the_formulas_to_its_own_bounds_and_scales_them_by_its_own_pulse(write: Any) -> None:
    law = draw(CustomStep(law=write(), tau=TAU, w_max_dtod=0.3, w_min_dtod=0.3))
    middle = (law.upper_ROI + law.lower_ROI) / 2
    torch.testing.assert_close(law.q_plus(middle), law.population.scale_up_ROI)
    torch.testing.assert_close(law.q_minus(middle), law.population.scale_down_ROI)


def test_a_spec_knows_what_was_in_the_file(write: Any) -> None:
    law = write()
    first = CustomStep(law=law)
    assert first.sha256 == hashlib.sha256(Path(law.rpartition(":")[0]).read_bytes()).hexdigest()
    write(GOOD.replace("2.0", "2.5"))
    assert CustomStep(law=law).sha256 != first.sha256
    assert "is not the one that the run was made with" in said(first)
    assert f"start a new run with --device {law}" in said(first)


def test_a_changed_file_is_read_again(write: Any) -> None:
    law = write()
    before = parameters(CustomStep(law=law))
    write(GOOD.replace("2.0", "2.5"))
    assert (before["gamma"], parameters(CustomStep(law=law))["gamma"]) == (2.0, 2.5)


def test_a_class_of_an_installed_package_can_be_named() -> None:
    spec = CustomStep(law="analogcli.crossbar.custom:CustomDevice")
    assert len(spec.sha256) == 64
    assert "q_plus fails: NotImplementedError" in said(spec)


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ("(1 - w / self.tau) ** self.gamma", "torch.ones(3)", "q_plus returns shape (3,) for weights of shape (1025,)"),
        ("(1 - w / self.tau) ** self.gamma", "1.0", "q_plus returns float for weights of shape (1025,)"),
        ("(1 - w / self.tau)", "(-1 - w / self.tau)", "q_plus is 4 at the upper bound, w = 0.6; it must be 0 there"),
        ("** self.gamma", "** -1", "q_plus is not finite at w = 0.6"),
        ("return (1 + w", "return w * (1 + w", "q_minus is negative at w = -0.5"),
        ("self.gamma", "self.gama", "q_plus fails: AttributeError: 'MyDevice' object has no attribute 'gama'"),
        ("(CustomDevice)", "", "MyDevice is no CustomDevice; derive it from CustomDevice"),
        ("class MyDevice", "class Other", "there is no class MyDevice; devices there: Other"),
        ("import torch", "import no_such_package", "it cannot be imported: ModuleNotFoundError"),
        ("class MyDevice", "class MyDevice)", "it cannot be imported: SyntaxError"),
    ],
)
def test_what_is_wrong_with_a_device_is_said_in_one_sentence(write: Any, old: str, new: str, sentence: str) -> None:
    law = write()
    file = Path(law.rpartition(":")[0])
    file.write_text(file.read_text().replace(old, new))
    assert sentence in said(CustomStep(law=law, tau=TAU))


def test_an_unknown_parameter_is_answered_with_the_nearest(write: Any) -> None:
    spec = CustomStep(law=write(), parameters={"gama": 3.0})
    assert "device.parameters.gama is not a parameter" in said(spec)
    assert "did you mean gamma?" in said(spec)


@pytest.mark.parametrize(
    ("law", "sentence"),
    [
        ("nowhere.py:MyDevice", "there is no file nowhere.py"),
        ("no_such_package.module:MyDevice", "there is no module no_such_package.module"),
        ("my_device.py", "does not name a class"),
        ("my_device.py:My Device", "does not name a class"),
        ("sys:MyDevice", "there is no module sys"),
    ],
)
def test_a_law_that_is_nowhere_is_no_spec(law: str, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        CustomStep(law=law)
