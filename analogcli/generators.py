"""Where randomness comes from: one stream of random numbers for each purpose, all derived from the model's seed."""

import hashlib

import torch


def stream(seed: int, purpose: str, device: torch.device | str = "cpu") -> torch.Generator:
    """Return the generator for one ``purpose`` of the model with this ``seed``.

    Streams of different purposes are independent, so that e.g. the order of the samples does not change when a
    device draws more noise.
    """
    return torch.Generator(device=device).manual_seed(derived_seed(seed, purpose))


def derived_seed(seed: int, purpose: str) -> int:
    """Return a 63-bit seed that depends on both arguments and on nothing else."""
    digest = hashlib.sha256(f"{seed}/{purpose}".encode()).digest()
    return int.from_bytes(digest[:8], "big") >> 1
