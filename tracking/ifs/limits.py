"""For preflight: what the kernel has to allow, so that every directory of a root can be watched."""

import os
from dataclasses import dataclass
from pathlib import Path

from nodes.postgres.preflight.check import Finding, amount, finding

from .beneath import Root, directories
from .watching import Excluded, RootGone

_SYSCTL = Path("/proc/sys/fs/inotify")
_NAMESPACE = Path("/proc/sys/user")  # what a container may have below the host's limit
_ROOM = 1.25  # directories that are made meanwhile
_QUEUE = 65_536
# Their own server, or other hosts, write without this kernel's knowing.
_ELSEWHERE = ("nfs", "cifs", "smb", "fuse", "9p", "ceph", "gluster", "lustre", "gpfs", "afs", "virtiofs")


@dataclass(frozen=True)
class Used:
    """What processes of our user have of inotify, as far as we may see it."""

    watches: int
    instances: int


def capacity(
    root: bytes, excluded: Excluded = lambda path, is_dir: False, *, limit: int | None = None
) -> Finding:
    """Whether inotify's limits let a whole root be watched; the remedy is the sysctl to set.

    `limit` replaces fs.inotify.max_user_watches.
    """
    try:
        needed = sum(1 for _ in directories(Root(root), excluded))
    except RootGone as error:
        return finding(False, str(error), "a directory that can be watched", "name another root")
    have = Used(0, 0) if limit is not None else used()
    most = limit if limit is not None else _limit("watches")
    instances = _limit("instances")
    wanted = int(needed * _ROOM) + have.watches
    remedies = []
    if most < wanted:
        remedies.append(f"sysctl -w fs.inotify.max_user_watches={_round(wanted)}")
    if instances <= have.instances:
        remedies.append(f"sysctl -w fs.inotify.max_user_instances={have.instances + 128}")
    remedy = "; ".join(remedies) + "; the same in /etc/sysctl.d so that it holds after a restart"
    return finding(
        not remedies,
        f"{max(most - have.watches, 0)} watches free of {most} (fs.inotify.max_user_watches), "
        f"{max(instances - have.instances, 0)} instances of {instances}",
        f"{int(needed * _ROOM)} watches for {amount(needed, 'directory', 'directories')} and some more, "
        "1 instance",
        remedy,
    )


def queue(length: int | None = None) -> Finding:
    """Whether the queue is long enough for a storm; an overflow costs a walk of the root, but no change."""
    found = length if length is not None else int((_SYSCTL / "max_queued_events").read_text())
    return finding(
        found >= _QUEUE,
        f"{found} events (fs.inotify.max_queued_events)",
        f"{_QUEUE} events, so that a storm of changes does not lead to a walk of the whole root",
        f"sysctl -w fs.inotify.max_queued_events={_QUEUE}",
        otherwise="warning",
    )


def seen(root: bytes, *, kind: str | None = None) -> Finding:
    """Whether the kernel of this host sees every change: of a network's file system, it sees its own only."""
    found = kind or _file_system(os.path.realpath(root))
    return finding(
        not found.startswith(_ELSEWHERE),
        f"a file system of type {found}",
        "one that only this host writes",
        "track it on the host that has the disk, or see that no other host writes until the swap",
        otherwise="warning",
    )


def used() -> Used:
    """Count the watches and instances of our user."""
    watches = instances = 0
    for process in Path("/proc").iterdir():
        try:
            if not process.name.isdigit() or process.stat().st_uid != os.geteuid():
                continue
            for fd in (process / "fd").iterdir():
                if os.readlink(fd) == "anon_inode:inotify":
                    instances += 1
                    text = (process / "fdinfo" / fd.name).read_text()
                    watches += text.count("\ninotify ") + text.startswith("inotify ")
        except OSError:
            continue  # it has ended, or is not ours to look into
    return Used(watches, instances)


def _limit(what: str) -> int:
    host = int((_SYSCTL / f"max_user_{what}").read_text())
    try:
        return min(host, int((_NAMESPACE / f"max_inotify_{what}").read_text()))
    except OSError:
        return host


def _round(number: int) -> int:
    """The next power of two."""
    return 1 << max(number - 1, 1).bit_length()


def _file_system(path: bytes) -> str:
    """The type of the file system that a path is on."""
    best, found = -1, "unknown"
    for line in Path("/proc/self/mountinfo").read_bytes().splitlines():
        before, _, after = line.partition(b" - ")
        point = before.split(b" ")[4].decode("unicode_escape").encode("latin-1")
        inside = path == point or path.startswith(point.rstrip(b"/") + b"/")
        if inside and len(point) >= best:
            best, found = len(point), after.split(b" ")[0].decode()
    return found
