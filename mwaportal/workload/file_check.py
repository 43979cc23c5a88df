"""What the file application's account proves about a root: nothing acknowledged is lost."""

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from mwaportal.workload.file_account import State, state_of
from mwaportal.workload.file_journal import read

_EXAMPLES = 20


@dataclass
class FilesReport:
    """The verdict on one root."""

    acknowledged: int = 0  # files and symbolic links that have to be there
    missing: int = 0
    differing: int = 0  # in size, content or permissions, or where a link leads
    unaccounted: int = 0  # there, but never acknowledged, or acknowledged as removed
    under_way: int = 0  # paths of an operation of which it is not known how far it came
    examples: list[str] = field(default_factory=list)  # the first findings, in words

    @property
    def lost(self) -> int:
        """What the account has and the root has not."""
        return self.missing + self.differing

    def note(self, path: str, needed: State, found: State) -> None:
        """Count a finding, and describe it if it is one of the first."""
        self.missing += found is None
        self.differing += found is not None and needed is not None
        self.unaccounted += needed is None
        if len(self.examples) < _EXAMPLES:
            self.examples.append(f"{path!r}: needed is {needed or 'nothing'}, found {found or 'nothing'}")


def check(directory: Path, root: Path) -> FilesReport:
    """Hold the account in `directory` against a root, while no application writes there.

    Counts what the application itself has found lost, too. Where it was killed, the paths of the operation
    that was under way may be as they were before or as they are after it.
    """
    account = read(directory)
    report = FilesReport(acknowledged=len(account.paths))
    open_paths = account.under_way.changes if account.under_way else {}
    report.under_way = len(open_paths)
    for path, found in account.lost:
        report.note(path, "what was acknowledged before", found)
    for path, needed in account.paths.items():
        if path not in open_paths and (found := state_of(root, path)) != needed:
            report.note(path, needed, found)
    if account.under_way:
        seen = {path: state_of(root, path) for path in open_paths}
        for path in account.under_way.unexplained(seen):
            report.note(path, open_paths[path][0], seen[path])
    for path in _paths(root):
        if path not in account.paths and path not in open_paths:
            report.note(path, None, state_of(root, path))
    return report


def _paths(root: Path) -> Iterator[str]:
    for directory, names, files in os.walk(root):
        links = [name for name in names if (Path(directory) / name).is_symlink()]
        yield from (str((Path(directory) / name).relative_to(root)) for name in files + links)
