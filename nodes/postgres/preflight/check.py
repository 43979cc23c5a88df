"""What a check says: the observed value, the needed value, and what to do about it."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

Status = Literal["passed", "warning", "failed"]
Side = Literal["source", "copy", "both"]


@dataclass(frozen=True)
class Options:
    """What the administrator decides: is a missing database created, and when is a transaction long."""

    create_database: bool = False
    long_transaction_seconds: float = 60


@dataclass(frozen=True)
class Finding:
    """The result of one check in one place; `objects` names everything concerned, one by one."""

    status: Status
    observed: str
    needed: str
    remedy: str = ""
    objects: tuple[str, ...] = ()


@dataclass(frozen=True)
class Check:
    """A finding with its name and its place; `database` is None where a whole node was looked at."""

    name: str
    database: str | None
    node: Side
    status: Status
    observed: str
    needed: str
    remedy: str
    objects: tuple[str, ...]


def finding(
    ok: bool,
    observed: str,
    needed: str,
    remedy: str,
    objects: Iterable[str] = (),
    *,
    otherwise: Status = "failed",
) -> Finding:
    """Passed if `ok`, without a remedy; `otherwise` (failed or warning) with it."""
    return Finding("passed" if ok else otherwise, observed, needed, "" if ok else remedy, tuple(objects))


def passed(checks: Iterable[Check]) -> bool:
    """Whether the migration may start: nothing has failed. A warning does not stop it."""
    statuses = [check.status for check in checks]
    return bool(statuses) and "failed" not in statuses


def amount(number: int, singular: str, plural: str = "") -> str:
    """A counted noun: '1 table', '2 tables'."""
    return f"{number} {singular if number == 1 else plural or singular + 's'}"


def quoted(name: str) -> str:
    """A name as an SQL identifier, for a remedy."""
    return '"' + name.replace('"', '""') + '"'
