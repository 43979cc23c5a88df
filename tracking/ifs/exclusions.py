"""What is left out of a root: patterns as in .gitignore, and trees that are never touched."""

import re
from collections.abc import Iterable

import pathspec
from pathspec.patterns.gitignore import GitIgnorePatternError

from .paths import parted, text
from .temporary import is_temporary

_REMEMBERED = 100_000


class BadPattern(ValueError):
    """A pattern that cannot be read; the message names it."""


class Exclusions:
    """Call it with a relative path, and whether that is a directory, to know if it is left out.

    As with git, nothing below an excluded directory comes back in. A pattern's text may hold surrogates, for
    names that are not UTF-8. `trees` are relative paths, left out with all that is below them.
    """

    def __init__(self, patterns: Iterable[str] = (), trees: Iterable[bytes] = ()) -> None:
        self._patterns = tuple(patterns)
        self._spec = _compiled(list(self._patterns))
        self.trees = frozenset(trees)
        self.plain = self._spec is None and not self.trees  # nothing but temporary names
        self._known: dict[bytes, bool] = {}

    def __call__(self, path: bytes, is_dir: bool) -> bool:
        """Whether it is left out."""
        directory, name = parted(path)
        if is_temporary(name):
            return True
        if self.plain or not path:
            return False
        return self._below(directory) or self._matches(path, is_dir)

    def and_trees(self, trees: Iterable[bytes]) -> "Exclusions":
        """The same, and these trees."""
        return Exclusions(self._patterns, self.trees | set(trees))

    def _below(self, directory: bytes) -> bool:
        """Whether a directory is left out, by itself or by one above it."""
        unknown = []
        left_out = False
        while directory:
            known = self._known.get(directory)
            if known is not None:
                left_out = known
                break
            unknown.append(directory)
            directory = parted(directory)[0]
        if len(self._known) + len(unknown) > _REMEMBERED:
            self._known.clear()
        for path in reversed(unknown):
            left_out = left_out or self._matches(path, True)
            self._known[path] = left_out
        return left_out

    def _matches(self, path: bytes, is_dir: bool) -> bool:
        if path in self.trees:
            return True
        return self._spec is not None and self._spec.match_file(_one_line(text(path)) + "/" * is_dir)


def _one_line(line: str) -> str:
    """pathspec ends its expressions with `$`, which matches before a newline at the end of a name."""
    return line.replace("\n", "\x01")


def _compiled(patterns: list[str]) -> pathspec.GitIgnoreSpec | None:
    lines = [_one_line(pattern) for pattern in patterns if pattern.strip() and not pattern.startswith("#")]
    for line in lines:
        try:
            pathspec.GitIgnoreSpec.from_lines([line])
        except (GitIgnorePatternError, ValueError, re.error) as error:
            raise BadPattern(f"exclusion {line!r} is not a pattern of .gitignore: {error}") from error
    return pathspec.GitIgnoreSpec.from_lines(lines) if lines else None
