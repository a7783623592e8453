"""Nothing is without a word of explanation, and what is explained exists: commands, options, entries, the README."""

import re
import shlex
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
import typer.main
import yaml
from command_kit import Done
from markdown_kit import expand

from analogcli.cli.app import app
from analogcli.nn import analog_layers
from analogcli.registry import Figure, Protocol, load

README = Path(__file__).parents[1] / "README.md"
REGISTRY = load()
ROOT: Any = typer.main.get_command(app)


def commands(group: Any = ROOT, name: str = "analog") -> Iterator[tuple[str, Any]]:
    """Yield every command that can be typed, with its words."""
    yield name, group
    for sub, command in getattr(group, "commands", {}).items():
        yield from commands(command, f"{name} {sub}")


COMMANDS = dict(commands())
PARAMETERS = [(name, p) for name, command in COMMANDS.items() for p in command.params]


def parse(line: str) -> None:
    """Parse a command line with the real parser and run nothing; raises what the parser says."""
    words = shlex.split(line)
    assert words[0] == "analog"
    command, context, words = ROOT, None, words[1:]
    while True:
        context = command.make_context("analog", list(words), parent=context)
        held = "_protected_args" if hasattr(context, "_protected_args") else "protected_args"
        rest = [*getattr(context, held), *context.args]
        if not getattr(command, "commands", None):
            assert not rest, f"{rest} is too much"
            return
        assert rest[0] in command.commands, f"there is no command {rest[0]}"
        command, words = command.commands[rest[0]], rest[1:]


def typed(text: str) -> Iterator[str]:
    """Yield the commands in a shell line: pipes, redirections, comments and `&&` belong to the shell."""
    lexer = shlex.shlex(text.removeprefix("$ "), posix=False, punctuation_chars="&|;<>")
    lexer.whitespace_split, lexer.commenters = True, "#"
    words: list[str] = []
    for word in [*lexer, ";"]:
        if set(word) <= set("&|;<>"):
            if words and Path(words[0]).name == "analog":
                yield " ".join(["analog", *words[1:]])
            words = ["not a command"] if set(word) & set("<>") else []
        else:
            words.append(word)


def in_readme(text: str) -> list[str]:
    """Return the commands that a Markdown text tells its reader to type, in blocks and in lines."""
    blocks = re.findall(r"^```(?:bash|sh|shell|console|text)?\n(.*?)^```", text, flags=re.M | re.S)
    lines = [line.strip() for block in blocks for line in block.splitlines()]
    outside = re.sub(r"^```.*?^```", "", text, flags=re.M | re.S)
    inline = re.findall(r"`((?:\$ )?analog [^`]+)`", outside)
    starts = ("analog ", "$ analog ", ".venv/bin/analog ")
    told = [line for line in [*lines, *inline] if line.startswith(starts) or "&& " in line]
    return list(dict.fromkeys(one for line in told for command in typed(line) for (one,) in expand(command)))


EXAMPLES = [
    line.strip()
    for command in COMMANDS.values()
    for line in (command.help or "").splitlines()
    if line.strip().startswith("analog ")
]
README_TEXT = README.read_text(encoding="utf-8") if README.is_file() else ""


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help(name: str) -> None:
    command = COMMANDS[name]
    assert command.help
    first = command.help.strip().splitlines()[0]
    assert re.match(r"[A-Z].*[.:]$", first), f"the help of {name} does not begin with a sentence: {first!r}"
    assert not command.hidden


@pytest.mark.parametrize(("name", "parameter"), PARAMETERS, ids=lambda value: getattr(value, "name", value))
def test_every_option_and_argument_has_help(name: str, parameter: Any) -> None:
    said = parameter.help if hasattr(parameter, "help") else None
    assert said, f"{parameter.name} of {name} has no help"


@pytest.mark.parametrize("line", EXAMPLES)
def test_the_examples_in_the_help_can_be_typed(line: str) -> None:
    # An explanation stands two spaces or more after the command.
    for command in typed(re.split(r"\s{2,}", line)[0]):
        parse(command)


def test_most_commands_have_an_example() -> None:
    assert len(EXAMPLES) >= len(COMMANDS)


@pytest.mark.parametrize("line", in_readme(README_TEXT))
def test_the_readme_uses_commands_and_options_that_exist(line: str) -> None:
    if line not in COMMANDS:  # A command that is only named needs no arguments.
        parse(line.replace(" …", ""))


def test_figures_that_the_readme_shows_as_yaml_are_valid() -> None:
    blocks = map(yaml.safe_load, re.findall(r"^```yaml\n(.*?)^```", README_TEXT, flags=re.M | re.S))
    figures = [data for data in blocks if isinstance(data, dict) and "panels" in data]
    assert figures
    for data in figures:
        assert REGISTRY.curves(Figure.model_validate(data))


def python_blocks(text: str) -> list[tuple[str, str]]:
    """Return the Python examples of a Markdown text, each with the output that stands after it (or nothing)."""
    return re.findall(r"^```python\n(.*?)^```\n(?:\n```text\n(.*?)^```)?", text, flags=re.M | re.S)


def test_the_device_in_the_readme_is_trained_by_the_command_beside_it(
    analog: Callable[..., Done], workspace: Path
) -> None:
    (source,) = [code for code, _ in python_blocks(README_TEXT) if "(CustomDevice)" in code]
    (workspace / "my_device.py").write_text(source, encoding="utf-8")
    told = [line for line in in_readme(README_TEXT) if "my_device.py:MyDevice" in line]
    assert told
    for line in told:
        _, *words = shlex.split(line.replace(" …", ""))
        done = analog(*words, "--dataset", "mnist5k", "--epochs", "1")
        assert done.code == 0, done.err
        assert "my_device.py:MyDevice" in done.out


def test_the_network_in_the_readme_learns_and_prints_what_it_says(capsys: pytest.CaptureFixture[str]) -> None:
    ((code, printed),) = [block for block in python_blocks(README_TEXT) if "convert_to_analog" in block[0]]
    names: dict[str, Any] = {}
    exec(code, names)
    assert capsys.readouterr().out == printed
    for name, layer in analog_layers(names["network"]).items():
        plain = names["plain"].get_submodule(name).weight
        assert not torch.equal(layer.weights(), plain.expand_as(layer.weights()))


def test_a_command_that_does_not_exist_is_found() -> None:
    for line in ("analog rum mnist-fcn", "analog run --taau 0.7", "analog plot fig4 --format", "analog store chek"):
        with pytest.raises(Exception):  # noqa: B017 - the parser's own errors have a private base
            parse(line)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("```bash\nanalog list\n$ analog doctor\n```", ["analog list", "analog doctor"]),
        ("```bash\npip install . && .venv/bin/analog demo\n```", ["analog demo"]),
        ("```\nanalog sweep fig4 && analog plot fig4  # both\n```", ["analog sweep fig4", "analog plot fig4"]),
        ("```bash\nanalog run x --dry-run > spec.yaml\n```", ["analog run x --dry-run"]),
        ("```bash\nanalog list --json | head\n```", ["analog list --json"]),
        ('type `analog run x --setting "TT-v1"` or `analog`', ['analog run x --setting "TT-v1"']),
        ("```yaml\nanalog: run\n```", []),
    ],
)
def test_commands_are_found_in_markdown(text: str, found: list[str]) -> None:
    assert in_readme(text) == found


PUBLICATION = r"arXiv \d{4}\.\d{5}|\b10\.\d{4}/\S+"
"""By number of the preprint, or by DOI."""


@pytest.mark.parametrize(
    "entry",
    [*REGISTRY.experiments.values(), *REGISTRY.protocols.values(), *REGISTRY.figures.values()],
    ids=lambda entry: f"{type(entry).__name__}-{entry.id}",
)
def test_every_registry_entry_is_described(entry: Any) -> None:
    assert len(entry.title) > 3
    assert entry.title != entry.id
    if not hasattr(entry, "published"):
        assert re.search(PUBLICATION + "|no publication", entry.source), "where it is from, or that it is nowhere"
    for table in getattr(entry, "published", ()):
        assert re.search(PUBLICATION, table.source.text)
        assert table.source.rule
    if isinstance(entry, Protocol):
        assert all(setting.title and setting.spelled for setting in entry.settings.values())
