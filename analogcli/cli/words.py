"""Options whose value is several words, typed as in the papers' scripts: ``-block-type D D D A A A``."""

import re
from typing import Any

from typer.core import TyperCommand

SEVERAL = {"block-number": re.compile(r"\d+"), "block-type": re.compile(r"[A-Za-z]")}
"""What a word of each option's value looks like."""


class SeveralWords(TyperCommand):
    """A command that takes all words of such an option, however many they are, as one."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Parse ``args`` with the words of such options joined."""
        return super().parse_args(ctx, joined(args))


def joined(args: list[str]) -> list[str]:
    """Return ``args`` with the words that follow ``--block-number`` or ``--block-type`` made one."""
    out: list[str] = []
    rest = iter(args)
    word = next(rest, None)
    while word is not None:
        out.append(word)
        of_value = SEVERAL.get(word.lstrip("-")) if word.startswith("-") else None
        word = next(rest, None)
        if of_value is None:
            continue
        value: list[str] = []
        while word is not None and of_value.fullmatch(word):
            value.append(word)
            word = next(rest, None)
        if value:
            out.append(" ".join(value))
    return out
