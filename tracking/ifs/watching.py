"""What a watch of a file root says, whichever way it watches; paths are bytes, relative to the root."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, auto
from typing import Protocol

Excluded = Callable[[bytes, bool], bool]  # (relative path, is a directory) -> not to be tracked


class Kind(Enum):
    """What happened to a path."""

    CREATED = auto()
    WRITTEN = auto()  # closed after writing
    MODIFIED = auto()  # written to, and still open as far as is known
    ATTRIBUTES = auto()  # mode, owner, times, extended attributes
    DELETED = auto()  # also: moved out of the root
    MOVED = auto()  # from `origin`; with a directory, everything in it
    SUBTREE = auto()  # a directory that was not watched from its beginning: walk it
    OVERFLOW = auto()  # changes below it were lost: walk it
    UNWATCHED = auto()  # it cannot be watched, `reason` says why: walk it, now and again
    ROOT_GONE = auto()  # the root is deleted, renamed or unmounted: nothing is seen any more


@dataclass(frozen=True, slots=True)
class Event:
    """Something happened to `path` (empty: the root itself)."""

    kind: Kind
    path: bytes
    is_dir: bool = False
    origin: bytes = b""
    reason: str = ""


class RootGone(Exception):
    """The root isn't where it was, or isn't what it was; the message says which and why."""


class Watch(Protocol):
    """Watches one root. Everything that changes after `start` has returned is in its events."""

    way: str

    def start(self) -> list[Event]:
        """Begin, and say what could not be watched. Raises `RootGone` or OSError."""

    def events(self, seconds: float, wake: int) -> list[Event]:
        """What has happened; waits for at most `seconds`, and not when `wake` can be read."""

    def drain(self) -> list[Event]:
        """Everything whose system call had returned when this was called. Raises `RootGone`."""

    def directories(self) -> int:
        """How many directories are watched, where they are watched one by one; else 0."""

    def unwatched(self) -> dict[bytes, str]:
        """Which parts cannot be watched, and why."""

    def close(self) -> None:
        """Watch no more."""


def below(path: bytes, top: bytes) -> bool:
    """Whether `path` is `top` or inside it."""
    return not top or path == top or path.startswith(top + b"/")
