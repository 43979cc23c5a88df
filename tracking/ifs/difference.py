"""What comparing two trees is asked and what it answers."""

from dataclasses import dataclass, field
from typing import Literal, NamedTuple

Verdict = Literal["equal", "different", "not comparable"]
Kind = Literal["missing", "extra", "type", "content", "metadata"]  # on the copy, seen from the source


@dataclass(frozen=True)
class CompareOptions:
    """What is compared, and how long anything is waited for."""

    content: bool = True  # every file's; without it, what can be seen without opening files
    max_differences: int = 1000  # reported one by one; counting goes on beyond
    recheck_seconds: float = 10.0  # how long the copy may take to get what the source has
    quiet_seconds: float = 2.0  # what changed later than that on the source may not be tracked yet
    jobs: int = 2  # files that are read at once


class Difference(NamedTuple):
    """One object that differs; of a directory that is extra, what is in it goes without saying."""

    path: bytes
    kind: Kind
    type: str
    what: str  # in words, with the values of both


class NotCompared(NamedTuple):
    """One object that could not be compared, with all that is below it, and why."""

    path: bytes
    reason: str


@dataclass
class TreeResult:
    """What compare found out. `changing` are files that were written faster than they could be read.

    `difference_count` is exact as long as every difference is listed; beyond `max_differences` they are
    counted without a second look.
    """

    verdict: Verdict = "equal"
    differences: list[Difference] = field(default_factory=list)
    not_compared: list[NotCompared] = field(default_factory=list)
    changing: list[bytes] = field(default_factory=list)
    difference_count: int = 0
    objects_compared: int = 0
    bytes_compared: int = 0
    seconds: float = 0.0
