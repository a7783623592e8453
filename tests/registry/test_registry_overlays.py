"""Own entries are laid over the shipped ones by id; a broken file is named in one sentence."""

import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml

from analogcli.errors import SpecError
from analogcli.registry import load
from analogcli.registry.files import FOLDERS, _shipped


def write(folder: Path, entry: dict[str, Any] | str, name: str = "mine.yaml") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    text = entry if isinstance(entry, str) else yaml.dump(entry)
    (folder / name).write_text(text, encoding="utf-8")
    return folder / name


def shipped(kind: str, name: str) -> dict[str, Any]:
    data: dict[str, Any] = yaml.safe_load((_shipped() / kind / f"{name}.yaml").read_text(encoding="utf-8"))
    return data


EXPERIMENT = shipped("experiments", "digits-fcn")
PROTOCOL = shipped("protocols", "demo")
FIGURE = shipped("figures", "demo")
PUBLISHED = {"source": {"text": "t", "rule": "r"}, "protocol": "demo", "values": [{"setting": "x", "value": 1}]}


def problem(folder: Path) -> str:
    with pytest.raises(SpecError) as caught:
        load(folder)
    said = str(caught.value)
    assert "\n" not in said
    return said


def test_an_entry_of_the_same_id_replaces_the_shipped_one(tmp_path: Path) -> None:
    write(tmp_path / "experiments", EXPERIMENT | {"title": "Mine"})
    registry = load(tmp_path)
    assert registry.experiment("digits-fcn").title == "Mine"
    assert set(registry.experiments) == set(load().experiments)


def test_a_new_experiment_can_use_shipped_protocols(tmp_path: Path) -> None:
    write(tmp_path / "experiments", EXPERIMENT | {"id": "mine", "aliases": []})
    assert load(tmp_path).spec("mine", setting="tt-v1").hash == load().spec("digits-fcn", setting="tt-v1").hash


def test_the_nearer_folder_wins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "registry" / "experiments", EXPERIMENT | {"title": "Here"})
    assert load().experiment("digits-fcn").title == "Here"
    write(tmp_path / "asked" / "experiments", EXPERIMENT | {"title": "Asked for"})
    assert load(tmp_path / "asked").experiment("digits-fcn").title == "Asked for"


def test_a_copy_of_the_shipped_registry_is_that_registry(tmp_path: Path) -> None:
    shutil.copytree(_shipped(), tmp_path / "copy")
    assert load(tmp_path / "copy") == load()


@pytest.mark.parametrize(
    ("kind", "entry", "says"),
    [
        ("experiments", "id: [", "while parsing"),
        ("experiments", "id: 2024-13-45", "month"),
        ("experiments", "", "it does not hold an entry"),
        ("experiments", "- 1", "it does not hold an entry"),
        ("experiments", EXPERIMENT | {"titel": "x"}, "titel"),
        ("experiments", {k: v for k, v in EXPERIMENT.items() if k != "title"}, "title"),
        ("experiments", EXPERIMENT | {"default_setting": "tt-v9"}, "no setting is called 'tt-v9'; did you mean"),
        ("experiments", EXPERIMENT | {"default_protocol": "exact"}, "no protocol of the experiment is called 'exact'"),
        ("experiments", EXPERIMENT | {"protocols": {"dem": {}}}, "no protocol is called 'dem'; did you mean demo"),
        ("experiments", EXPERIMENT | {"published": [PUBLISHED]}, "no setting is called 'x'"),
        ("protocols", PROTOCOL | {"settings": {"fp-sgd": {"title": "x"}}}, "settings.fp-sgd.spec"),
        ("figures", FIGURE | {"kind": "curvs"}, "no kind of figure is called 'curvs'; did you mean curves"),
        ("figures", FIGURE | {"protocol": "exact"}, "no protocol of the experiment is called 'exact'"),
        ("figures", FIGURE | {"panels": [FIGURE["panels"][0] | {"experiment": "mnist-fnc"}]}, "did you mean mnist-fcn"),
        ("figures", FIGURE | {"panels": [FIGURE["panels"][0] | {"settings": ["tt"]}]}, "no setting is called 'tt'"),
        ("figures", FIGURE | {"style": {"smoothing": 2}}, "style.smoothing"),
    ],
)
def test_a_broken_file_is_named_with_what_is_wrong(tmp_path: Path, kind: str, entry: Any, says: str) -> None:
    path = write(tmp_path / kind, entry)
    said = problem(tmp_path)
    assert f"registry file {path} is not a valid {kind.removesuffix('s')}: " in said
    assert says in said


def test_a_file_that_is_not_text_is_named(tmp_path: Path) -> None:
    path = write(tmp_path / "figures", "")
    path.write_bytes(b"\xff\xfe\x00id: x")
    assert str(path) in problem(tmp_path)


def test_two_files_of_one_folder_cannot_have_one_id(tmp_path: Path) -> None:
    write(tmp_path / "protocols", PROTOCOL, "a.yaml")
    write(tmp_path / "protocols", PROTOCOL, "b.yaml")
    said = problem(tmp_path)
    assert "b.yaml" in said
    assert "id demo is taken by a.yaml" in said


def test_a_folder_that_is_no_registry_is_refused(tmp_path: Path) -> None:
    assert "there is no such folder" in problem(tmp_path / "nowhere")
    assert f"has none of the folders {', '.join(FOLDERS)}" in problem(tmp_path)
