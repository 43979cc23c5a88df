"""What differs between the nodes beyond the reach of event triggers, and how one kind of it is described."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from nodes.postgres.connect import Connection

READY, INELIGIBLE = "READY", "INELIGIBLE"
MISSING, CHANGED, GONE = "missing", "changed", "not on the source any more"
UNREADABLE = "cannot be read"

Key = tuple[str, ...]


@dataclass(frozen=True)
class Difference:
    """An object that is not the same on both nodes. It holds no password, no hash of one, and no content."""

    object_type: str  # upper case words: ROLE, LARGE OBJECT ...
    library: str  # its schema, or ''
    name: str
    change: str  # what a person reads: one of the four words above
    state: str = READY
    why: str = ""  # for INELIGIBLE: what is to be done by hand, with the value
    size: int | None = None  # bytes
    key: Key = ()  # names the object to what carries it
    seen: str = ""  # a fingerprint of the source's contents, where contents are compared

    def __str__(self) -> str:
        where = f"{self.library}." if self.library else ""
        return f"{self.object_type.lower()} {where}{self.name}"


class CarryFailed(Exception):
    """A difference could not be carried; the message names the object and has the server's words.

    `in_vain`: it was carried and differs all the same; trying again does not help.
    """

    def __init__(self, difference: Difference, message: str, *, in_vain: bool = False) -> None:
        super().__init__(f"{difference}: {message}")
        self.difference, self.message, self.in_vain = difference, message, in_vain


@dataclass(frozen=True)
class Kind:
    """One kind of object: how differences are found, and how one is carried (None: always by hand).

    `carry` makes the copy's object what the source's is now, in a transaction on the copy that the caller has
    begun; it may be called again. `check` looks afterwards whether that has helped, where it may not. All of
    them let errors of the servers through.
    """

    object_type: str
    find: Callable[[Connection, Connection], list[Difference]]
    carry: Callable[[Difference, Connection, Connection], None] | None = None
    check: Callable[[Difference, Connection, Connection], None] | None = None
    of_cluster: bool = False  # not of one database: the same from every database of the server


def changes(
    source: Mapping[Key, object], copy: Mapping[Key, object], *, removed: bool
) -> list[tuple[Key, str]]:
    """What is to be done to make the copy's objects the source's: keys with the word for it.

    What is only on the copy counts where `removed`.
    """
    found = [
        (key, CHANGED if key in copy else MISSING)
        for key, value in source.items()
        if key not in copy or copy[key] != value
    ]
    return found + ([(key, GONE) for key in copy if key not in source] if removed else [])
