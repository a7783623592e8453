"""SQLite on a network file system: seen by what is mounted, refused to several machines, and named by the checks."""

from collections.abc import Callable
from pathlib import Path

import psutil
import pytest
from command_kit import Done

from analogcli.errors import UsageError
from analogcli.store import Store, locate, refuse_shared_sqlite


@pytest.fixture
def mounted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[Path, str], None]:
    """Let the kernel say, in its own words, that a file system is mounted at a folder."""
    table = tmp_path / "proc" / "self" / "mounts"
    table.parent.mkdir(parents=True)
    table.write_text("overlay / overlay rw 0 0\n")
    monkeypatch.setattr(psutil, "PROCFS_PATH", str(tmp_path / "proc"))

    def mount(folder: Path, kind: str) -> None:
        with table.open("a") as file:
            file.write(f"server:/export {str(folder).replace(' ', chr(92) + '040')} {kind} rw,relatime 0 0\n")

    return mount


@pytest.mark.parametrize("kind", ["nfs", "nfs4", "cifs", "lustre", "fuse.sshfs", "beegfs", "gpfs", "9p"])
def test_sqlite_on_a_network_file_system_is_refused_to_several_machines(
    tmp_path: Path, mounted: Callable[[Path, str], None], kind: str
) -> None:
    shared = tmp_path / "home of the lab"
    mounted(shared, kind)
    with pytest.raises(UsageError, match=rf"network file system \({kind}\).*`analog store copy .* postgresql://") as e:
        refuse_shared_sqlite(locate(str(shared / "results" / "analog.db")))
    assert "\n" not in str(e.value)
    refuse_shared_sqlite(locate(str(tmp_path / "analog.db")))
    refuse_shared_sqlite(locate("postgresql://me@host/lab"))


@pytest.mark.parametrize("kind", ["ext4", "xfs", "btrfs", "tmpfs", "overlay", "fuse.mergerfs"])
def test_a_disk_of_this_machine_is_not(tmp_path: Path, mounted: Callable[[Path, str], None], kind: str) -> None:
    mounted(tmp_path, "nfs")
    mounted(tmp_path / "scratch", kind)
    refuse_shared_sqlite(locate(str(tmp_path / "scratch" / "analog.db")))


def test_a_link_leads_to_where_the_file_is(tmp_path: Path, mounted: Callable[[Path, str], None]) -> None:
    mounted(tmp_path / "far", "nfs4")
    (tmp_path / "far").mkdir()
    (tmp_path / "near").symlink_to(tmp_path / "far")
    with pytest.raises(UsageError, match="nfs4"):
        refuse_shared_sqlite(locate(str(tmp_path / "near" / "analog.db")))


def test_on_one_machine_it_works_and_the_checks_say_what_it_is(
    analog: Callable[..., Done], workspace: Path, mounted: Callable[[Path, str], None]
) -> None:
    Store.open()
    mounted(workspace, "nfs4")
    check, doctor = analog("store", "check"), analog("doctor", "--json")
    assert check.code == 0 and "the store is sound" in check.out
    sentence = "on a network file system (nfs4): for one machine only"
    assert sentence in check.err
    assert [f["well"] for f in doctor.json if sentence in f["found"]] == [True]
