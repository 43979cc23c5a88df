"""Which of rsync's messages is about which path, and what it means."""

import errno
import re
from collections.abc import Sequence

from .outcome import RETRYABLE
from .paths import parted, shown
from .sending import Sending

_CODE = re.compile(rb"\((\d+)\)(?: \(in .*\))?$")
_WHO = re.compile(rb"^rsync: (?:\[[\w ]+\] )?")
_ABOUT = re.compile(rb'"(.*)"|(?:unlink|rmdir)\((.*)\) failed|: (.*)$', re.DOTALL)
_TEMPORARY = re.compile(rb"\.(.+)\.\w{6}\Z", re.DOTALL)


class Messages:
    """What one rsync has complained about, by path."""

    def __init__(self, sending: Sending, errors: Sequence[bytes]) -> None:
        self._sending = sending
        self._lines = list(errors)
        self._known: dict[bytes, bytes] = {}
        for line in errors:
            if match := _ABOUT.search(line):
                self._note(next(part for part in match.groups() if part is not None), line)

    def about(self, path: bytes) -> bytes | None:
        """The first that names this path, or a temporary file of it."""
        return self._known.get(path)

    def concerning(self, path: bytes) -> bytes | None:
        """The same; else one about a directory that leads to it."""
        while (line := self._known.get(path)) is None and path:
            path = parted(path)[0]
        return line

    def reason(self, path: bytes) -> tuple[str, bool]:
        """Why a path has not arrived, in words, and whether it may go better later."""
        line = self.concerning(path) or next(iter(self._lines), None)
        if line is None:
            return f"{shown(path)}: it differs on the copy right after it was carried", True
        match = _CODE.search(line)
        code = int(match.group(1)) if match else 0
        return f"{shown(path)}: {self._words(line, code)}", code in RETRYABLE or not code

    def _note(self, path: bytes, line: bytes) -> None:
        for top in (self._sending.there, self._sending.here):
            path = path.removeprefix(top.rstrip(b"/") + b"/")
        self._known.setdefault(path, line)
        directory, name = parted(path)
        if match := _TEMPORARY.match(name):
            self._known.setdefault(directory + b"/" * bool(directory) + match.group(1), line)

    def _words(self, line: bytes, code: int) -> str:
        side = "source" if b"sender]" in line else "copy"
        said = shown(_WHO.sub(b"", line))
        if code in (errno.ENOSPC, errno.EDQUOT):
            return f"no space on the copy ({said}); needed is more"
        if code in (errno.EACCES, errno.EPERM) and side == "copy":
            user = self._sending.connection.host.user
            return f"permission denied on the copy: user {user} there needs the right ({said})"
        if code == errno.EROFS:
            return "the copy's file system is read-only; needed is one that can be written to"
        return f"the {side} says: {said}"
