"""Where the files of a root are carried from and to, now; and what is never tracked."""

from contextlib import closing, suppress
from dataclasses import replace
from pathlib import Path

import psycopg
from django.conf import settings

from nodes.models import FileRoot, Node, Pair
from nodes.postgres.connect import TimedOut, Unreachable, connect, one
from tracking.ifs.carrier import carrier
from tracking.ifs.opened import Identity
from tracking.ifs.place import Place
from tracking.ifs.roots import Root
from tracking.ifs.watching import RootGone

from . import filehosts


def root_of(file_root: FileRoot) -> Root:
    """Its two ends, in the direction of the roles."""
    return Root(file_root.primary, file_root.secondary, file_root.patterns)


def forbidden(pair: Pair) -> tuple[Path, ...]:
    """On this host: the servers' own directories, as far as they tell, and ours."""
    return tuple(sorted({Path(settings.HOME), *_forbidden_on(settings.FILE_HOST, pair)}))


def forbidden_there(pair: Pair) -> tuple[Path, ...]:
    """The same on the host that has the secondary's files, if it is another one."""
    there = pair.secondary.file_host
    return () if there == settings.FILE_HOST else tuple(sorted(set(_forbidden_on(there, pair))))


def _forbidden_on(host: str, pair: Pair) -> list[Path]:
    nodes = [node for node in (pair.source, pair.copy) if node.file_host == host]
    return [directory for node in nodes for directory in _directories(node)]


def _directories(node: Node) -> list[Path]:
    found = [Path(node.directory)] if node.directory else []
    with suppress(Unreachable, TimedOut, psycopg.Error), connect(node.own_conninfo, "file roots") as session:
        found.append(Path(one(session, "select current_setting('data_directory')")))
        found += [Path(where) for (where,) in session.execute(_TABLESPACES)]
    return found


def place(file_root: FileRoot) -> Place:
    """What is carried; raises `RootGone` where an end is not the directory that it was, and `NotReached`.

    A device may have another number after a restart of its host: it is the inode that has to be the same.
    """
    pair = file_root.pair
    host = None if filehosts.is_here(pair.secondary) else filehosts.way_to(pair.secondary)
    found = Place(
        file_root.pk, root_of(file_root), forbidden(pair), host=host, forbidden_there=forbidden_there(pair)
    )
    with closing(carrier(found)) as looking:
        known = looking.identities()
    _check(file_root, known)
    return replace(found, known=known)


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
