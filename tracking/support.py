"""Which types of object travel, in which stage, by which list: read from the code that decides.

What is described is read from `mwa.facets` (definitions/dispatch.sql), what is compared from
`restore.inspect`, which files are carried from `ifs.entry`.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from nodes.postgres import install
from tracking.ifs import entry
from tracking.restore.inspect import KINDS

_BRANCH = re.compile(r"when (.+?) then return query select \* from mwa\.\w+_facets\(")
_TYPE = re.compile(r"'([a-z -]+)'")
_BY_CLASS = {"class = 'pg_type'::regclass": ("enum", "composite type", "domain", "range", "base type")}
_STREAM, _AT_TIMES, _BY_HAND = "in the stream", "compared at times", "by hand"
_BY_COMPARE = "by the first compare"
_DUMPED = "pg_dump and pg_restore"
_WALKED, _WATCHED, _NOT = "by a walk of the whole root", "path by path, as it changes", "not carried"
HARD_LINKS = "hard links"
# How what is compared comes at first, where not by the first compare.
_FIRST = {
    "ROLE": "made before the definitions",
    "ROLE MEMBERSHIP": "made before the definitions",
    "TABLESPACE": "has to be there",
    "UNLOGGED TABLE": "COPY",
    "MATERIALIZED VIEW": "refreshed",
    "EVENT TRIGGER": _DUMPED,
    "SECURITY LABEL": _DUMPED,
    "SYSTEM SETTING": _BY_HAND,
    "SUBSCRIPTION": _BY_HAND,
}

# What a reader would not guess. A type that nobody decides on any more fails a test.
EXCEPTIONS = {
    "table": "A new table joins at a short hop; its rows come whole after a rewrite or a rename in a pause",
    "materialized view": "REFRESH is carried; contents are compared at times, too",
    "sequence": "Values are carried every ten seconds, and exactly at the role swap",
    "extension": "Its files have to be on the copy's server",
    "publication": "Ours, mwa, excepted",
    "user mapping": "With its password",
    "base type": "Its functions are in C, whose library has to be on the copy's server",
    "operator": "A commutator or negator of one that exists is changed from PostgreSQL 17 on",
    "function": "Its body is looked at on the copy as on the primary: what cannot be parsed there is listed",
    "access method": "Its handler is a function in C, whose library has to be on the copy's server",
    "language": "Its handler is a function in C, whose library has to be on the copy's server",
    "ROLE": "With its password's hash; one that is only on the copy stays",
    "TABLESPACE": "Its directory has to be made on the copy's server",
    "LARGE OBJECT": "Nobody may write to them in the last second before a role swap",
    "UNLOGGED TABLE": "Nobody may write to them in the last second before a role swap",
    "SUBSCRIPTION": "It would read twice: shown with all but its password",
    "SYSTEM SETTING": "Shown with the value; what belongs to a machine is left out",
    entry.STMF: "It comes when nobody writes to it; no event tells of a write by a mapping that stays open",
    entry.DIR: "Mounted file systems are entered, but for the kernel's own",
    entry.SYMLNK: "As it is written, wherever it points; what is outside the root is not carried",
    entry.FIFO: "What is in it is not carried",
    entry.CHRSF: "The right to make one is needed on the copy (CAP_MKNOD)",
    HARD_LINKS: "Of a *STMF; a name of it in another root, or in none, is another file on the copy",
    **{kind: f"{why[0].upper()}{why[1:]}; listed as INELIGIBLE" for kind, why in entry.INELIGIBLE.items()},
}


@dataclass(frozen=True)
class Support:
    """One row of the table "object types and migration"."""

    object_type: str
    system_migration: str
    data_synchronization: str
    tracking_list: str
    exceptions: str


def rows() -> list[Support]:
    """A row for each type of object."""
    found = [
        Support("rows of tables", "COPY under a checkpoint", "in the stream; in a pause by key", "OTL", ""),
        *(_described(name) for name in described()),
    ]
    for kind in KINDS:
        first = _FIRST.get(kind.object_type, _BY_COMPARE)
        found.append(_row(kind.object_type, first, _AT_TIMES if kind.carry else _BY_HAND))
    found += [_row(name, _WALKED, _WATCHED, "ITL") for name in (*entry.CARRIED_TYPES, HARD_LINKS)]
    found += [_row(name, _NOT, _NOT, "ITL") for name in entry.INELIGIBLE]
    return found


LISTS = (
    ("OTL", "Tables and rows (OTL)"),
    ("LTL", "Definitions and other objects (LTL)"),
    ("ITL", "Files (ITL)"),
)
STAGES = (
    ("migration", "Comes with the system migration"),
    ("synchronization", "Follows while people work"),
    ("by-hand", "By hand, or not at all"),
)


def chosen(query: Mapping[str, str]) -> list[Support]:
    """The rows that the parameters of an address leave; what they do not know leaves all."""
    found = rows()
    if (wanted := query.get("list")) in dict(LISTS):
        found = [row for row in found if row.tracking_list == wanted]
    if (stage := query.get("stage")) in dict(STAGES):
        found = [row for row in found if _is_in(row, str(stage))]
    name = query.get("name", "").strip().casefold()
    return [row for row in found if name in row.object_type.casefold()]


def filter_of(query: Mapping[str, str]) -> dict[str, Any]:
    """What the form of the filter shows."""
    given = {f"filter_{name}": query.get(name, "") for name in ("list", "stage", "name")}
    return {**given, "filter_lists": LISTS, "filter_stages": STAGES}


def _is_in(row: Support, stage: str) -> bool:
    travels = {
        "migration": row.system_migration not in (_BY_HAND, _NOT, _BY_COMPARE),
        "synchronization": row.data_synchronization not in (_BY_HAND, _NOT),
    }
    return travels[stage] if stage in travels else not any(travels.values())


def described() -> Iterator[str]:
    """The types whose definitions the event triggers derive statements for."""
    for condition in _BRANCH.findall(install.dispatch()):
        yield from _BY_CLASS.get(condition, _TYPE.findall(condition))


def _described(name: str) -> Support:
    return _row(name, _DUMPED, _STREAM)


def _row(name: str, first: str, then: str, tracking_list: str = "LTL") -> Support:
    return Support(name, first, then, tracking_list, EXCEPTIONS.get(name, ""))
