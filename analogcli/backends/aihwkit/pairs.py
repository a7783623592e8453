"""Which AIHWKit wheel works with which torch: a wheel is bound to the torch it was built with and does not say so."""

import sys
from dataclasses import dataclass
from importlib import metadata, util

import torch

Version = tuple[int, int]


@dataclass(frozen=True)
class Pair:
    """An AIHWKit release with the first and last torch and Python that its wheels were seen to work with."""

    aihwkit: str
    torch: tuple[Version, Version]
    python: tuple[Version, Version]

    def fits_torch(self, torch_version: str) -> bool:
        """Return whether the wheel works with this torch."""
        return self.torch[0] <= _minor(torch_version) <= self.torch[1]

    def requirement(self) -> str:
        """Return the pair as arguments for pip."""
        (major, first), (_, last) = self.torch
        return f'"aihwkit=={self.aihwkit}" "torch>={major}.{first},<{major}.{last + 1}"'


WORKING_PAIRS = (
    Pair("1.1.0", torch=((2, 10), (2, 12)), python=((3, 10), (3, 12))),
    Pair("1.2.0", torch=((2, 13), (2, 15)), python=((3, 12), (3, 14))),
)


def installed() -> tuple[str | None, str]:
    """Return the versions of AIHWKit, None where it is not installed, and of torch."""
    if util.find_spec("aihwkit") is None:
        return None, torch.__version__
    try:
        return metadata.version("aihwkit"), torch.__version__
    except metadata.PackageNotFoundError:
        return "unknown", torch.__version__


def known_to_work(aihwkit_version: str | None, torch_version: str) -> bool:
    """Return whether the table has this pair."""
    return any(pair.aihwkit == aihwkit_version and pair.fits_torch(torch_version) for pair in WORKING_PAIRS)


def advice(torch_version: str, python: Version = sys.version_info[:2]) -> str:
    """Return what to install: the pair for this Python, if possible the one that leaves torch as it is."""
    possible = [pair for pair in WORKING_PAIRS if pair.python[0] <= python <= pair.python[1]]
    if not possible:
        return "take a Python that AIHWKit has wheels for (3.10 to 3.14); backends digital and native work without it"
    pair = next((pair for pair in possible if pair.fits_torch(torch_version)), possible[-1])
    return f"pip install {pair.requirement()}; backends digital and native work without it"


def _minor(version: str) -> Version:
    major, minor = version.split(".")[:2]
    return int(major), int(minor)
