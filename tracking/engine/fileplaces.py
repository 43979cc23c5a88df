"""Where the files of a root are carried from and to, now; and what is never tracked."""

from contextlib import suppress
from pathlib import Path

import psycopg
from django.conf import settings

from nodes.models import FileRoot, Node, Pair
from nodes.postgres.connect import TimedOut, Unreachable, connect, one
from tracking.ifs.drain import Place
from tracking.ifs.opened import Identity, Opened
from tracking.ifs.roots import Root
from tracking.ifs.watching import RootGone


def root_of(file_root: FileRoot) -> Root:
    """Its two ends, in the direction of the roles."""
    return Root(file_root.primary, file_root.secondary, file_root.patterns)


def forbidden(pair: Pair) -> tuple[Path, ...]:
    """The servers' own directories, as far as they tell, and the portal's."""
    found = {Path(settings.HOME)}
    for node in (pair.source, pair.copy):
        found |= set(_directories(node))
    return tuple(sorted(found))


def _directories(node: Node) -> list[Path]:
    found = [Path(node.directory)] if node.directory else []
    with suppress(Unreachable, TimedOut, psycopg.Error), connect(node.own_conninfo, "file roots") as session:
        found.append(Path(one(session, "select current_setting('data_directory')")))
        found += [Path(where) for (where,) in session.execute(_TABLESPACES)]
    return found


def place(file_root: FileRoot) -> Place:
    """What is carried; raises `RootGone` where an end is not the directory that it was.

    A device may have another number after a restart of its host: it is the inode that has to be the same.
    """
    root, never = root_of(file_root), forbidden(file_root.pair)
    with Opened(root, never) as opened:
        known = opened.identities()
    _check(file_root, known)
    return Place(file_root.pk, root, never, known)


def _check(file_root: FileRoot, found: tuple[Identity, Identity]) -> None:
    ends = ("copy", "source") if file_root.pair.swapped else ("source", "copy")
    for end, identity in zip(ends, found, strict=True):
        known = getattr(file_root, f"{end}_inode")
        if known is None:
            setattr(file_root, f"{end}_inode", identity.inode)
        elif known != identity.inode:
            raise RootGone(
                f"{getattr(file_root, end)} is another directory than when tracking began: its inode is"
                f" {identity.inode}, needed is {known}; is a file system not mounted?"
            )
    file_root.save(update_fields=["source_inode", "copy_inode"])


_TABLESPACES = """
    select pg_tablespace_location(oid) from pg_tablespace where pg_tablespace_location(oid) like '/%'
"""
