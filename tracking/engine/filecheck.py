"""Preflight of a pair's file roots: what would keep them from being tracked or carried."""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from nodes.models import FileRoot, Pair
from nodes.postgres.preflight import Check
from nodes.postgres.preflight.check import Finding, Side, finding, passed
from tracking.ifs import far_roots, limits, remote_check, roots
from tracking.ifs.exclusions import Exclusions
from tracking.ifs.host import Connection, connected
from tracking.ifs.not_reached import NotReached
from tracking.ifs.opened import Opened
from tracking.ifs.room import room, room_on_host
from tracking.ifs.sending import Sending
from tracking.ifs.watching import RootGone
from tracking.ifs.ways import watch

from . import filehosts, fileplaces

_WAY = "an access by ssh, with a key that is let in and a pinned host key"


def run(pair: Pair) -> list[Check]:
    """Every check of every root; nothing is touched. Empty for a pair without roots."""
    found = list(pair.file_roots.select_related("pair__source", "pair__copy"))
    if not found:
        return []
    if not filehosts.is_here(pair.primary):
        return [_check("file root", None, "source", _elsewhere(pair))]
    here = filehosts.sides_here(pair.primary, pair.secondary)
    never = fileplaces.forbidden(pair)
    refusals = roots.check([fileplaces.root_of(root) for root in found], never, here)
    if refusals:
        return _refused(refusals)
    return list(_on_this_host(found, never) if "copy" in here else _on_two_hosts(pair, found, never))


def _on_this_host(found: Sequence[FileRoot], never: Sequence[Path]) -> Iterator[Check]:
    there = Finding("passed", "two directories", "two directories")
    yield from [_check("file root", root, "both", there) for root in found]
    for root in found:
        with Opened(fileplaces.root_of(root), never) as opened:
            yield from _watched(root, opened.excluded)
            yield _check("room for files", root, "copy", room(opened))


def _on_two_hosts(pair: Pair, found: Sequence[FileRoot], never: Sequence[Path]) -> Iterator[Check]:
    try:
        host = filehosts.way_to(pair.secondary)
        checks = [
            _check("host of files", root, "copy", remote_check.check(host, root.secondary)) for root in found
        ]
        yield from checks
        if passed(checks):
            with connected(host) as connection:
                yield from _there(pair, found, never, connection)
    except (NotReached, RootGone) as error:
        yield _check("host of files", None, "copy", Finding("failed", str(error), _WAY, "see to that first"))
    else:
        yield _check("way back of files", None, "source", _way_back(pair))


def _there(
    pair: Pair, found: Sequence[FileRoot], never: Sequence[Path], connection: Connection
) -> Iterator[Check]:
    never_there = fileplaces.forbidden_there(pair)
    ends = [fileplaces.root_of(root) for root in found]
    yield from _refused(far_roots.check(connection, ends, never_there))
    for root, both in zip(found, ends, strict=True):
        with Sending(both, connection, never, never_there) as sending:
            yield from _watched(root, sending.excluded)
            yield _check("room for files", root, "copy", room_on_host(sending))


def _watched(root: FileRoot, excluded: Exclusions) -> Iterator[Check]:
    source = os.fsencode(root.primary)
    yield _check("file system", root, "source", limits.seen(source))
    if _by_inotify(source, excluded):
        yield _check("inotify watches", root, "source", limits.capacity(source, excluded))
        yield _check("inotify queue", root, "source", limits.queue())


def _by_inotify(source: bytes, excluded: Exclusions) -> bool:
    try:
        watching = watch(source, excluded)
    except (RootGone, OSError):
        return True
    watching.close()
    return watching.way == "inotify"


def _elsewhere(pair: Pair) -> Finding:
    """Only an engine that is where the files are can look at them; it does before it begins."""
    node = pair.primary
    where = node.file_host or "the portal's host"
    return Finding(
        "warning", f"the files of node {node} are on {where}, and are not looked at from here",
        f"an engine that runs there, with MWA_FILE_HOST={node.file_host}",
        "run it there; it looks at them before anything is touched",
    )  # fmt: skip


def _way_back(pair: Pair) -> Finding:
    """Whether an engine that is where the secondary's files are could carry to the primary's host."""
    needed = f"{_WAY}, for the way back"
    try:
        way = filehosts.way_to(pair.primary)
    except NotReached as error:
        remedy = "without it files are not carried back after a role swap"
        return finding(False, str(error), needed, remedy, otherwise="warning")
    return finding(True, str(way), needed, "")


def _refused(refusals: Sequence[roots.Refusal]) -> list[Check]:
    remedy = "name another directory, or make this one so"
    return [
        _check("file root", None, "both", Finding("failed", f"{one.what} {one.seen}", one.needed, remedy))
        for one in refusals
    ]


def _check(name: str, root: FileRoot | None, node: Side, found: Finding) -> Check:
    where = str(root) if root else None
    return Check(name, where, node, found.status, found.observed, found.needed, found.remedy, found.objects)
