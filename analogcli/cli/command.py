"""What all commands have in common: how their words are parsed, and how what is wrong with them is said."""

from typing import Any

import typer

from analogcli.cli.words import SeveralWords


class Command(SeveralWords):
    """A command that says what is wrong with a value in its own words alone."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Parse ``args``; Typer has values checked by Pydantic, which puts two words before what a check says."""
        try:
            return super().parse_args(ctx, args)
        except typer.BadParameter as exc:
            exc.message = exc.message.removeprefix("Value error, ")
            raise
