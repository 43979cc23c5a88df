"""How full the file systems are on which a server of this host keeps its data and its log."""

import os
from pathlib import Path

from .figures import Volume


def volumes(directory: Path) -> list[Volume]:
    """Of the data directory, and of pg_wal and the tablespaces where they lie elsewhere."""
    places = [("data directory", directory), ("write-ahead log", directory / "pg_wal")]
    try:
        spaces = sorted((directory / "pg_tblspc").iterdir())
    except OSError:
        spaces = []
    places += [(f"tablespace {each.name}", each) for each in spaces]
    found: dict[int, Volume] = {}
    for purpose, place in places:
        try:
            device = place.stat().st_dev
            if device not in found:
                found[device] = volume(purpose, str(place.resolve()), os.statvfs(place))
        except OSError:
            continue
    return list(found.values())


def volume(purpose: str, path: str, seen: os.statvfs_result) -> Volume:
    """As the kernel tells it; free is what others than root may still use."""
    return Volume(purpose, path, seen.f_blocks * seen.f_frsize, seen.f_bavail * seen.f_frsize)
