"""Any figure of the registry is drawn from Python, and says what is not in it as asked."""

import pytest
from figures_kit import Add, plausible

from analogcli.errors import UsageError
from analogcli.figures import draw
from analogcli.figures.draw_runs import MAKERS
from analogcli.figures.drawing import Quantity
from analogcli.registry import Registry
from analogcli.registry.files import FIGURE_KINDS
from analogcli.store import Store


def test_every_kind_of_figure_has_one_maker() -> None:
    assert sorted([*draw.OF_RUNS, *draw.WITHOUT_RUNS]) == sorted(FIGURE_KINDS)
    assert set(MAKERS) == set(Quantity)


def test_a_figure_is_drawn_with_remarks_on_what_it_lacks(add: Add, store: Store, registry: Registry) -> None:
    figure = registry.figure("demo")
    there, other, missing = registry.curves(figure)
    add(there.spec, [plausible(there, 0)])
    run = add(other.spec, [plausible(other, 1)[:3]], status="interrupted")
    drawn = draw.of_registry(store, registry, figure)
    assert drawn.name == "demo"
    assert len(drawn.canvas().axes[0].lines) == 2
    assert drawn.numbers
    assert len(drawn.numbers()) == there.spec.task.epochs + 1 + 3
    note, lack = drawn.remarks
    assert note.startswith("note: ") and f"is run {run.short_id}: interrupted after 2 of" in note
    assert lack.startswith("missing: ") and lack.endswith(f": {missing.command}")


def test_of_nothing_stored_the_commands_that_make_it_are_notes_of_the_error(store: Store, registry: Registry) -> None:
    figure = registry.figure("demo")
    with pytest.raises(UsageError, match="nothing of demo is stored yet") as refused:
        draw.of_registry(store, registry, figure)
    commands = [curve.command for curve in registry.curves(figure)]
    assert [note.rpartition(": ")[2] for note in refused.value.__notes__] == commands


@pytest.mark.parametrize("name", ["response/fig5", "magnetoionic/laws"])
def test_figures_of_devices_need_no_runs(registry: Registry, name: str) -> None:
    drawn = draw.without_runs(registry.figure(name))
    assert drawn.canvas().axes and drawn.numbers and drawn.numbers()


def test_a_table_is_not_drawn(store: Store, registry: Registry) -> None:
    with pytest.raises(UsageError, match="is a table; `analog compare exact/table2 --published` prints it"):
        draw.of_registry(store, registry, registry.figure("exact/table2"))
