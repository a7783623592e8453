"""Series of numbers as the store keeps them: little-endian float32."""

import numpy as np

STORED = np.dtype("<f4")


def encode(values: np.ndarray) -> bytes:
    """Return a chunk of a series as bytes."""
    return values.astype(STORED).tobytes()


def decode(chunk: bytes) -> np.ndarray:
    """Return a chunk of a series as float32, read-only."""
    return np.frombuffer(chunk, STORED).astype(np.float32, copy=False)
