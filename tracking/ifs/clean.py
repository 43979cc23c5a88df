"""Removing what a crash has left on the copy, before anything is carried."""

import os
from contextlib import suppress

from . import aside
from .opened import Opened
from .paths import joined
from .temporary import clear, is_temporary
from .walk import directories


def clean(opened: Opened) -> list[bytes]:
    """Walk the copy and remove temporary files that nobody is writing; returns their paths.

    A large file that was being changed gets back what it was before. To be called before the first carry
    after a start: links, pipes and devices have no lock that would protect them.
    """
    found: list[bytes] = []
    for listed in directories(opened.copy, opened.excluded):
        if listed.fd < 0:
            continue
        names = [name for name in map(os.fsencode, os.listdir(listed.fd)) if is_temporary(name)]
        if not names:
            continue
        status = os.fstat(listed.fd)
        for name in sorted(names, key=aside.is_undo, reverse=True):
            with suppress(FileNotFoundError):
                done = (aside.undo if aside.is_undo(name) else clear)(listed.fd, name)
                if done:
                    found.append(joined(listed.path, name))
        with suppress(PermissionError):
            os.utime(listed.fd, ns=(status.st_atime_ns, status.st_mtime_ns))
    return found
