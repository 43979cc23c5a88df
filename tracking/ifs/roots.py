"""The file roots of a pair, and what is wrong with them."""

import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NamedTuple

from .exclusions import BadPattern, Exclusions
from .paths import shown

Side = Literal["source", "copy"]
SIDES: tuple[Side, ...] = ("source", "copy")
SYSTEM = (Path("/proc"), Path("/sys"), Path("/dev"))  # as /QSYS.LIB and /QDLS are not in the original

_Identity = tuple[int, int]


@dataclass(frozen=True)
class Root:
    """A tree that is kept equal to another: two absolute paths, and patterns of what is left out."""

    source: Path
    copy: Path
    exclusions: tuple[str, ...] = ()


class Refusal(NamedTuple):
    """Why a root cannot be used: the object, the value seen, the value needed."""

    what: str
    seen: str
    needed: str

    def __str__(self) -> str:
        return f"{self.what}: {self.seen}; needed is {self.needed}"


class End(NamedTuple):
    """One end of a root that is there: who its directory is, and who those above it are."""

    what: str
    path: Path
    identity: _Identity
    above: frozenset[_Identity]


def check(
    roots: Sequence[Root], forbidden: Sequence[Path] = (), local: Sequence[Side] = SIDES
) -> list[Refusal]:
    """What is wrong with the roots of a pair; empty where nothing is.

    `forbidden`: the servers' data directories, the portal's own. A root must not be one of them, nor below
    one; those below a root are left out by `exclusions`. `local`: which ends are on this host; others are not
    looked at. Directories are told apart by device and inode, so neither links nor bind mounts hide one.
    """
    return check_ends([(root, local) for root in roots], forbidden)


def check_ends(roots: Sequence[tuple[Root, Sequence[Side]]], forbidden: Sequence[Path] = ()) -> list[Refusal]:
    """The same for roots of which not the same ends are on this host."""
    refusals: list[Refusal] = []
    ends: list[End] = []
    for root, local in roots:
        try:
            Exclusions(root.exclusions)
        except BadPattern as error:
            refusals.append(Refusal(f"exclusions of {_name(root.source)}", str(error), "a pattern"))
        for side in SIDES:
            path = root.source if side == "source" else root.copy
            found = _look(f"{side} {_name(path)}", path, side, side in local)
            if isinstance(found, Refusal):
                refusals.append(found)
            elif found:
                ends.append(found)
    return refusals + overlaps(ends, _there([*SYSTEM, *forbidden]))


def overlaps(ends: Sequence[End], forbidden: Iterable[tuple[Path, _Identity]]) -> list[Refusal]:
    """Ends on one host that are in each other, or where they must not be."""
    return [*_forbidden(ends, forbidden), *_nested(ends)]


def exclusions(root: Root, forbidden: Sequence[Path] = ()) -> Exclusions:
    """What is left out of a root: by its patterns, and whatever of `forbidden` lies below one of its ends."""
    trees = set()
    for end in (root.source, root.copy):
        top = os.path.realpath(end)
        for path in (*SYSTEM, *forbidden):
            inner = os.path.relpath(os.path.realpath(path), top)
            if inner != os.pardir and not inner.startswith(os.pardir + os.sep) and inner != os.curdir:
                trees.add(os.fsencode(inner))
    return Exclusions(root.exclusions, trees)


def _look(what: str, path: Path, side: Side, local: bool) -> End | Refusal | None:
    if not path.is_absolute():
        return Refusal(what, "a relative path", "an absolute one")
    if not local:
        return None
    try:
        real = path.resolve(strict=True)
        status = real.stat()
    except FileNotFoundError:
        return Refusal(what, "does not exist", "a directory")
    except (OSError, RuntimeError) as error:  # RuntimeError: links in a circle
        return Refusal(what, getattr(error, "strerror", None) or str(error), "a directory")
    if not real.is_dir():
        return Refusal(what, "is not a directory", "a directory")
    rights = os.R_OK | os.X_OK if side == "source" else os.R_OK | os.W_OK | os.X_OK
    if not os.access(real, rights):
        verb = "read" if side == "source" else "write to"
        return Refusal(what, f"uid {os.geteuid()} may not {verb} it", f"the right to {verb} it")
    return End(what, real, (status.st_dev, status.st_ino), frozenset(_above(real)))


def _above(path: Path) -> Iterator[_Identity]:
    for parent in path.parents:
        status = parent.stat()
        yield status.st_dev, status.st_ino


def _there(paths: Sequence[Path]) -> Iterator[tuple[Path, _Identity]]:
    for path in paths:
        with suppress(OSError):
            status = path.stat()
            yield path, (status.st_dev, status.st_ino)


def _forbidden(ends: Sequence[End], forbidden: Iterable[tuple[Path, _Identity]]) -> Iterator[Refusal]:
    for path, identity in forbidden:
        for end in ends:
            if identity == end.identity or identity in end.above:
                relation = "is" if identity == end.identity else "is inside"
                yield Refusal(end.what, f"{relation} {_name(path)}", "a directory outside it")


def _nested(ends: Sequence[End]) -> Iterator[Refusal]:
    for number, end in enumerate(ends):
        for other in ends[:number]:
            if end.identity == other.identity:
                yield Refusal(end.what, f"is the same directory as {other.what}", "another directory")
            elif other.identity in end.above:
                yield Refusal(end.what, f"is inside {other.what}", "a directory outside it")
            elif end.identity in other.above:
                yield Refusal(other.what, f"is inside {end.what}", "a directory outside it")


def _name(path: Path) -> str:
    return shown(os.fsencode(path))
