"""Which of rsync's messages is about which path, and what it means."""

import errno
import re
from collections.abc import Sequence

from .outcome import RETRYABLE
from .paths import parted, shown
from .sending import Sending

_CODE = re.compile(rb"\((\d+)\)(?: \(in .*\))?$")
_WHO = re.compile(rb"^rsync: (?:\[\w+\] )?")


def named(sending: Sending, path: bytes, errors: Sequence[bytes]) -> list[bytes]:
    """The messages that name this path, or its temporary file; else a directory that leads to it."""
    directory, name = parted(path)
    while True:
        inside = directory + b"/" if directory else b""
        whole = re.escape(path)
        temporary = re.escape(inside) + rb"\." + re.escape(name[:200]) + rb"[^/]*\.\w{6}"
        about = re.compile(rb'["(/ ](?:%s|%s)(?:"|\)|$| \()' % (whole, temporary), re.DOTALL)
        found = [line for line in errors if about.search(line)]
        if found or not directory:
            return found
        path = directory
        directory, name = parted(path)


def reason(sending: Sending, path: bytes, errors: Sequence[bytes]) -> tuple[str, bool]:
    """Why a path has not arrived, in words, and whether it may go better later."""
    lines = named(sending, path, errors) or list(errors[:1])
    if not lines:
        return f"{shown(path)}: it differs on the copy right after it was carried", True
    line = lines[0]
    match = _CODE.search(line)
    code = int(match.group(1)) if match else 0
    retryable = code in RETRYABLE or not code
    return f"{shown(path)}: {_words(sending, line, code)}", retryable


def _words(sending: Sending, line: bytes, code: int) -> str:
    side = "source" if b"[sender]" in line or b"[client sender]" in line else "copy"
    said = shown(_WHO.sub(b"", line))
    host = sending.connection.host
    if code in (errno.ENOSPC, errno.EDQUOT):
        return f"no space on the copy ({said}); needed is more"
    if code in (errno.EACCES, errno.EPERM) and side == "copy":
        return f"permission denied on the copy: user {host.user} there needs the right ({said})"
    if code == errno.EROFS:
        return "the copy's file system is read-only; needed is one that can be written to"
    return f"the {side} says: {said}"
