"""The device laws: the published formulas, their inverses, their closed forms, and laws of the user's own."""

from pathlib import Path

import pytest
import torch

from analogcli.errors import SpecError
from analogcli.magnetoionic import DeviceLaw, ExponentialLaw, LinearLaw, law_of
from analogcli.spec import DoubleDevice

LAWS = [LinearLaw(), ExponentialLaw()]
X = torch.linspace(0, 27, 28, dtype=torch.float64)
EACH = pytest.mark.parametrize("law", LAWS, ids=lambda law: type(law).__name__)

OWN = """
from analogcli.magnetoionic import DeviceLaw

class Hyperbolic(DeviceLaw):
    pulses = 40.0

    def f(self, x):
        return 1 / (1 + x / 20)

    def f_inv(self, w):
        return 20 * (1 / w - 1)
"""


@pytest.mark.parametrize(
    ("law", "start", "stop", "span"), [(LAWS[0], 2.742, 2.175, 0.567), (LAWS[1], 2.280, 0.8457, 1.4343)]
)
def test_the_ranges_are_the_published_ones(law: DeviceLaw, start: float, stop: float, span: float) -> None:
    assert (law.start, law.stop, law.span) == (
        pytest.approx(start),
        pytest.approx(stop, abs=5e-5),
        pytest.approx(span, abs=5e-5),
    )


@EACH
def test_the_inverse_gives_the_pulses_back(law: DeviceLaw) -> None:
    torch.testing.assert_close(law.f_inv(law.f(X)), X)


@EACH
def test_the_closed_form_of_a_shift_is_the_way_through_the_pulse_count(law: DeviceLaw) -> None:
    for u in (0.0, 1e-3, 0.7, 5.0):
        more = torch.full_like(X, u)
        torch.testing.assert_close(law.shift(law.f(X), more), DeviceLaw.shift(law, law.f(X), more))


def own(tmp_path: Path, old: str = "", new: str = "") -> DoubleDevice:
    file = tmp_path / "own.py"
    file.write_text(OWN.replace(old, new) if old else OWN, encoding="utf-8")
    return DoubleDevice(law=f"{file}:Hyperbolic")


def test_a_law_of_ones_own_is_a_file_with_three_lines(tmp_path: Path) -> None:
    law = law_of(own(tmp_path))
    assert (law.start, law.stop) == (1.0, pytest.approx(1 / 3))
    torch.testing.assert_close(law.shift(law.f(X), torch.ones_like(X)), law.f(X + 1))


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("1 / (1 + x / 20)", "1 + x", "f does not fall from x = 0 to x = 40"),
        ("20 * (1 / w - 1)", "w", r"f_inv\(f\(x\)\) is not x at x = "),
        ("1 / (1 + x / 20)", "x.nothing", "it fails: AttributeError"),
        ("class Hyperbolic", "class Other", "there is no class Hyperbolic; devices there: Other"),
    ],
)
def test_what_is_no_law_is_refused_in_one_sentence(tmp_path: Path, old: str, new: str, said: str) -> None:
    with pytest.raises(SpecError, match=rf"^algorithm\.law = .*{said}"):
        law_of(own(tmp_path, old, new))


def test_a_law_that_has_changed_is_another_run(tmp_path: Path) -> None:
    spec = own(tmp_path)
    (tmp_path / "own.py").write_text(OWN + "# changed\n", encoding="utf-8")
    assert DoubleDevice(law=spec.law).sha256 != spec.sha256
    with pytest.raises(SpecError, match=r"start a new run with --set algorithm\.law="):
        law_of(spec)
