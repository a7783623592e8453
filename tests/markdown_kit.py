"""Braces in the README's commands: one command for each of the values in them, as a shell has it."""

import itertools
import re

BRACES = re.compile(r"\{([^{}:]*,[^{}:]*)\}")


def expand(*texts: str) -> list[tuple[str, ...]]:
    """Return the texts once for every choice of values; braces with the same values take the same one everywhere."""
    groups = list(dict.fromkeys(BRACES.findall("\n".join(texts))))
    choices = itertools.product(*(group.split(",") for group in groups))
    made = []
    for values in choices:
        chosen = dict(zip(groups, values, strict=True))
        made.append(tuple(BRACES.sub(lambda m, chosen=chosen: chosen[m[1]], text) for text in texts))  # type: ignore[misc]
    return made
