"""Sharing a compiled loop between threads: it releases Python's lock, and only large loops are worth a thread.

Numba's own threads and those of torch would wait for work in the same cores, each slowing the other down many times;
a plain thread that ends with its task does not.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import Any, TypeVar

import torch

T = TypeVar("T")

LARGE = 500_000
"""Elements from which on a loop is shared."""


def share(loop: Callable[..., T], length: int, elements: int, *arguments: Any) -> list[T]:
    """Call ``loop(*arguments, begin, end)`` for parts of ``range(length)``; in as many threads as torch's if large."""
    if elements < LARGE:
        return [loop(*arguments, 0, length)]
    threads = torch.get_num_threads()
    parts = max(min(threads, length), 1)
    edges = [length * p // parts for p in range(parts + 1)]
    # Products within a part would otherwise ask for all threads once more.
    torch.set_num_threads(1)
    try:
        others = [_pool(parts - 1).submit(loop, *arguments, edges[p], edges[p + 1]) for p in range(1, parts)]
        return [loop(*arguments, edges[0], edges[1]), *(other.result() for other in others)]
    finally:
        torch.set_num_threads(threads)


@cache
def _pool(threads: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(threads, thread_name_prefix="analog")
