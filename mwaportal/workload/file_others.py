"""The other files: logs that grow by the day, exports that grow and are renamed, and what is removed."""

import os
import random
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from mwaportal.workload import file_invoices
from mwaportal.workload.file_account import Account, Changes, file_state
from mwaportal.workload.file_steps import (
    Made,
    Plan,
    Step,
    append,
    content_of,
    make_parent,
    remove_if_empty,
)  # fmt: skip

_MODE = 0o644
_INCOMING, _DONE = "exports/incoming", "exports/done"
_KEPT = {"logs/": 5, "exports/sent ": 5}  # how many directories of each stay


def log(account: Account, number: int) -> Plan:
    """A line at the end of a log file; an hour has 100 operations, a day 1000."""
    path = f"logs/day {number // 1000:05}/{number // 100 % 10:02}.log"
    return _append(account, path, f"{number} something has happened, in full words\n".encode())


def export(account: Account, number: int) -> Plan:
    """A line at the end of the export that grows just now."""
    line = f"{number};{random.random()};Größe;{'x' * random.randint(0, 900)}\n"
    return _append(account, _growing(number), line.encode())


def finish_export(account: Account, number: int) -> Plan | None:
    """A file is renamed into another directory: an export that grows no more."""
    finished = [path for path in account.below(f"{_INCOMING}/") if path != _growing(number)]
    if not finished:
        return None
    return _rename(account, [(finished[0], f"{_DONE}/{Path(finished[0]).name}")])


def put_away_exports(account: Account, number: int) -> Plan | None:
    """A directory is renamed with all that is in it."""
    sent = f"exports/sent {number:07}"
    moved = [(path, f"{sent}/{Path(path).name}") for path in account.below(f"{_DONE}/")]
    return _rename(account, moved, (_DONE, sent)) if moved else None


def remove_invoices(account: Account, number: int) -> Plan | None:
    """The oldest ones, up to three."""
    return _remove(account, file_invoices.oldest(account)[: random.randint(1, 3)])


def remove_directory(account: Account, number: int) -> Plan | None:
    """The oldest one of invoices, or of logs or exports where there are more than some, with all in it."""
    candidates = [_directory(path) for path in file_invoices.oldest(account)[:1]]
    for prefix, kept in _KEPT.items():
        directories = sorted({_directory(path) for path in account.below(prefix)})
        candidates += directories[:1] if len(directories) > kept else []
    return _remove(account, account.below(f"{random.choice(candidates)}/")) if candidates else None


def _growing(number: int) -> str:
    # One in five has a name that is not UTF-8, as those from an old system have.
    name = os.fsdecode(b"Gr\xf6\xdfen") if number // 100 % 5 == 0 else "export"
    return f"{_INCOMING}/{name} {number // 100:05}.csv"


def _append(account: Account, path: str, line: bytes) -> Plan:
    def make(root: Path) -> Made:
        after = file_state(content_of(root / path) + line, _MODE)
        return {path: (account.paths.get(path), after)}, [partial(append, root / path, line, _MODE)]

    return Plan(make)


def _rename(account: Account, moved: list[tuple[str, str]], renamed: tuple[str, str] | None = None) -> Plan:
    old, new = renamed or moved[0]
    changes: Changes = {}
    for before, after in moved:
        changes |= {before: (account.paths[before], None), after: (None, account.paths[before])}

    def make(root: Path) -> Made:
        return changes, [partial(make_parent, root / new), partial((root / old).rename, root / new)]

    return Plan(make)


def _remove(account: Account, paths: Sequence[str]) -> Plan | None:
    rows = tuple(path for path in paths if path.startswith("invoices/"))
    links = [file_invoices.second_name(path) for path in rows]
    gone = [*paths, *(link for link in links if link in account.paths)]
    changes: Changes = {path: (account.paths[path], None) for path in gone}

    def make(root: Path) -> Made:
        steps: list[Step] = [partial((root / path).unlink, missing_ok=True) for path in gone]
        directories = sorted({_directory(path) for path in gone})
        return changes, steps + [partial(remove_if_empty, root / directory) for directory in directories]

    return Plan(make, rows_first=rows) if gone else None


def _directory(path: str) -> str:
    return path.rpartition("/")[0]
