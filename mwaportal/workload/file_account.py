"""What the file application's account says has to exist below its root."""

import stat
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from blake3 import blake3

State = str | None  # of a path; None where nothing is
Changes = dict[str, tuple[State, State]]  # by path: the state before and after


def file_state(content: bytes, mode: int) -> str:
    """What the account knows of a regular file: size, permissions and hash."""
    return f"file {len(content)} {mode:04o} {blake3(content).hexdigest()}"


def state_of(root: Path, path: str) -> State:
    """What is there now. Raises OSError but for the absence of the path or of a directory above it."""
    whole = root / path
    try:
        found = whole.lstat()
        if stat.S_ISLNK(found.st_mode):
            return f"link {whole.readlink()}"
        if stat.S_ISREG(found.st_mode):
            return file_state(whole.read_bytes(), stat.S_IMODE(found.st_mode))
        return "something else"
    except (FileNotFoundError, NotADirectoryError):
        return None


@dataclass(frozen=True)
class Operation:
    """One that was begun: its number, its kind and what it changes."""

    number: int
    kind: str
    changes: Changes

    def unexplained(self, found: dict[str, State]) -> list[str]:
        """The paths that were there before it, and are now as it can have left them in no case.

        What it makes appears with all that it changes, or not at all; only removing many goes file by file.
        Something unfinished under a name that was free before is legal: the application removes it.
        """
        states = [
            (found[path] if before is not None or found[path] == after else None, before, after)
            for path, (before, after) in self.changes.items()
        ]
        if all(now == before for now, before, _ in states) or all(now == after for now, _, after in states):
            return []
        removing = all(after is None for _, after in self.changes.values())
        return [
            path for path, (before, after) in self.changes.items()
            if before is not None and found[path] != before and not (removing and found[path] == after)
        ]  # fmt: skip


@dataclass
class Account:
    """What the lines of an account say."""

    paths: dict[str, str] = field(default_factory=dict)  # what exists, as far as it was acknowledged
    lost: list[tuple[str, State]] = field(default_factory=list)  # what was found instead of what exists
    under_way: Operation | None = None
    number: int = 0  # of the last operation

    def apply(self, line: list[Any]) -> None:
        """Take one line into account."""
        match line:
            case ["begun", number, kind, changes]:
                self.number = number
                self.under_way = Operation(
                    number, kind, {path: (before, after) for path, (before, after) in changes.items()}
                )
            case ["done"] if self.under_way:
                for path, (_, after) in self.under_way.changes.items():
                    self._set(path, after)
                self.under_way = None
            case ["settled", found]:
                for path, state in found.items():
                    self._set(path, state)
                self.under_way = None
            case ["lost", path, state]:
                self.lost.append((path, state))
                self._set(path, state)
            case _:
                raise ValueError(f"not a line of an account: {line}")

    def below(self, prefix: str) -> list[str]:
        """The paths that begin like this, sorted."""
        return sorted(path for path in self.paths if path.startswith(prefix))

    def lines(self) -> list[list[Any]]:
        """As few lines as say the same."""
        before: list[list[Any]] = [["lost", path, state] for path, state in self.lost]
        missing = {path: None for path, _ in self.lost}
        last: list[list[Any]] = [["begun", self.number, "none", {}], ["done"]]
        if operation := self.under_way:
            last = [["begun", operation.number, operation.kind, operation.changes]]
        return [*before, ["settled", {**missing, **self.paths}], *last]

    def _set(self, path: str, state: State) -> None:
        if state is None:
            self.paths.pop(path, None)
        else:
            self.paths[path] = state
