"""SQLite on a network file system: one machine may use it, several would damage it.

The processes at one SQLite file talk to each other through memory that they share (the index of its write-ahead log),
and lock parts of the file; machines share no memory, and the locks of network file systems are not to be relied on
(https://www.sqlite.org/wal.html, https://www.sqlite.org/howtocorrupt.html#_filesystems_with_broken_or_missing_lock_implementations).
"""

from pathlib import Path

import psutil

from analogcli.errors import UsageError
from analogcli.store.location import Location

KINDS = {
    "9p", "afpfs", "afs", "beegfs", "ceph", "cifs", "davfs", "fhgfs", "gfs2", "gpfs", "lustre", "ncpfs", "nfs", "nfs4",
    "ocfs2", "orangefs", "panfs", "pvfs2", "smb2", "smb3", "smbfs", "vboxsf", "virtiofs", "webdav", "wekafs",
    "fuse.ceph", "fuse.ceph-fuse", "fuse.davfs", "fuse.gcsfuse", "fuse.glusterfs", "fuse.goofys", "fuse.juicefs",
    "fuse.mount-s3", "fuse.rclone", "fuse.s3fs", "fuse.seaweedfs", "fuse.sshfs",
}  # fmt: skip
"""Names of file systems that several machines may have mounted at once, as the kernel says them."""


def network_file_system(path: Path) -> str | None:
    """Return the kind of the network file system that a file or folder is on or will be on, or None if on none."""
    real = path.absolute().resolve()
    mounts = {Path(mount.mountpoint): mount.fstype.lower() for mount in psutil.disk_partitions(all=True)}
    # The last one mounted at a place hides those below it, and the nearest place above the file is what counts.
    kind = next((mounts[folder] for folder in (real, *real.parents) if folder in mounts), "")
    return kind if kind in KINDS else None


def refuse_shared_sqlite(location: Location) -> None:
    """Refuse to let several machines work at a SQLite file that they share.

    Raises:
        UsageError: it is on a network file system.
    """
    kind = network_file_system(location.file) if location.file else None
    if kind:
        raise UsageError(
            f"the store {location} is a SQLite file on a network file system ({kind}), where the locks of several "
            f"machines do not hold; `analog store copy {location} postgresql://user@host/database`, then name that as "
            "--store"
        )
