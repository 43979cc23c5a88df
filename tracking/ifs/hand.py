"""Carrying files of a directory; there is a short way for those that are new, or are the same."""

import fcntl
import os
import stat
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field

from . import content, metadata, regular, temporary
from .carry import carry
from .entry import STMF
from .opened import Opened, below
from .outcome import UNWRITTEN, Carried, CarryOptions, Changed, Failed
from .paths import joined

Task = tuple[bytes, list[bytes]]  # a directory, and names in it
_CREATE = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


@dataclass
class Batch:
    """What became of a task; `several` are left, for they are files with several names."""

    several: list[bytes] = field(default_factory=list)
    failed: list[Failed] = field(default_factory=list)
    lacking: list[Carried] = field(default_factory=list)
    written: list[Carried] = field(default_factory=list)
    objects: int = 0
    bytes: int = 0


class Hand:
    """Carries files of one root."""

    def __init__(self, opened: Opened, options: CarryOptions) -> None:
        self._opened, self._options = opened, options

    def carry(self, directory: bytes, names: list[bytes]) -> Batch:
        """Files of a directory; nothing is on disk before the caller syncs the copy."""
        batch = Batch()
        left = names
        source, copy = self._opened.source, self._opened.copy
        with suppress(OSError), below(source, directory) as here, below(copy, directory) as there:
            left = self._new(directory, names, here, there, batch)
        self._others(directory, left, batch)
        return batch

    def _new(self, directory: bytes, names: list[bytes], here: int, there: int, batch: Batch) -> list[bytes]:
        """The short way for those that can go it; returns the others."""
        left = []
        present = set(map(os.fsencode, os.listdir(there)))
        for name in names:
            try:
                path = joined(directory, name)
                short = self._same if name in present else self._create
                if not short(path, name, here, there, batch):
                    left.append(name)
            except (OSError, Changed):
                left.append(name)  # the long way says what is wrong
        return left

    def _create(self, path: bytes, name: bytes, here: int, there: int, batch: Batch) -> bool:
        source = regular.open_source(here, name)
        target, temp = -1, b""
        try:
            status = os.fstat(source)
            if status.st_nlink > 1:
                batch.several.append(path)
                return True
            temp = temporary.new_name()
            target = os.open(temp, _CREATE, 0o600, dir_fd=there)
            fcntl.flock(target, fcntl.LOCK_EX | fcntl.LOCK_NB)
            written = content.copy(source, target, status)
            wanted = metadata.of_descriptor(source)
            if not regular.same_version(status, wanted.status):
                return False
            lacking = metadata.put(target, wanted)
            os.rename(temp, name, src_dir_fd=there, dst_dir_fd=there)
            temp = b""
        finally:
            os.close(source)
            if target >= 0:
                os.close(target)
                if temp:
                    os.unlink(temp, dir_fd=there)
        batch.objects += 1
        batch.bytes += written
        made = Carried(path, STMF, "created", written, tuple(lacking), status.st_size)
        batch.written.append(made)
        if lacking:
            batch.lacking.append(made)
        return True

    def _same(self, path: bytes, name: bytes, here: int, there: int, batch: Batch) -> bool:
        """Whether a plain file is as it should be, as far as can be seen without opening it."""
        if not self._options.trust_times:
            return False
        source = os.stat(name, dir_fd=here, follow_symlinks=False)
        copy = os.stat(name, dir_fd=there, follow_symlinks=False)
        if not (stat.S_ISREG(source.st_mode) and stat.S_ISREG(copy.st_mode)):
            return False
        if source.st_nlink != 1 or copy.st_nlink != 1 or source.st_size != copy.st_size:
            return False
        wanted, had = metadata.of_name(here, name, source), metadata.of_name(there, name, copy)
        if metadata.differences(wanted, had):
            return False
        batch.objects += 1
        return True

    def _others(self, directory: bytes, names: Iterable[bytes], batch: Batch) -> None:
        for name in names:
            path = joined(directory, name)
            if self._has_several(directory, name):
                batch.several.append(path)
                continue
            outcome = carry(self._opened, path, self._options)
            if isinstance(outcome, Failed):
                batch.failed.append(outcome)
                continue
            batch.objects += 1
            batch.bytes += outcome.bytes
            if outcome.what not in UNWRITTEN:
                batch.written.append(outcome)
            if outcome.lacking:
                batch.lacking.append(outcome)

    def _has_several(self, directory: bytes, name: bytes) -> bool:
        with suppress(OSError), below(self._opened.source, directory) as here:
            status = os.stat(name, dir_fd=here, follow_symlinks=False)
            return stat.S_ISREG(status.st_mode) and status.st_nlink > 1
        return False
