"""Bringing one path from the source to the copy, whatever is at it on either side.

Both ends are reached name by name from open directories, so a directory that becomes a link to somewhere
else is found to be a link, and nothing outside the roots is read or written. After any change the copy's
directory gets the times of the source's.
"""

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from dataclasses import replace

from . import metadata, regular, removal, temporary
from .entry import CARRIED_TYPES, CHRSF, DIR, FIFO, INELIGIBLE, STMF, SYMLNK, link_of, look, type_of
from .links import Links
from .opened import DIRECTORY, Opened, below, open_below
from .outcome import Carried, CarryOptions, Changed, Failed, What, failed, on
from .paths import parted, relative, shown

_LOOKS = 10
_ABSENT = "*NONE"


def carry(
    opened: Opened, path: bytes | str, options: CarryOptions | None = None, links: Links | None = None
) -> Carried | Failed:
    """Make the copy of one path what the source has there; empty: the root itself, without its content.

    Of a directory, its content is not brought; one that the source has not any more goes with all that is in
    it. Directories that lead to the path are made. `links` knows the other names of a file (see `Links`); a
    file that has several keeps them where they are known. May be called from several threads, but not for
    one path at the same time.
    """
    raw = relative(path)
    carrying = _Carrying(opened, options or CarryOptions(), Links() if links is None else links)
    for _ in range(_LOOKS):
        carrying.type, carrying.size = _ABSENT, None
        try:
            outcome = carrying.carry(raw)
            return replace(outcome, size=carrying.size) if isinstance(outcome, Carried) else outcome
        except Changed:
            continue
        except _InTheWay as directory:
            return Failed(raw, carrying.type, directory.failed.reason, directory.failed.retryable)
        except OSError as error:
            return failed(raw, carrying.type, error, opened.copy)
    reason = f"{shown(raw)} was another object each of the {_LOOKS} times that it was looked at"
    return Failed(raw, carrying.type, reason, True)


class _InTheWay(Exception):
    """A directory that leads to the path cannot be made."""

    def __init__(self, failed: Failed) -> None:
        self.failed = failed


class _Carrying:
    def __init__(self, opened: Opened, options: CarryOptions, links: Links) -> None:
        self.opened, self.options, self.links = opened, options, links
        self.type = _ABSENT
        self.size: int | None = None

    def carry(self, path: bytes) -> Carried | Failed:
        """Once; raises OSError, and `Changed`."""
        if not path:
            return self._root()
        directory, name = parted(path)
        with on("source"):
            try:
                here = open_below(self.opened.source, directory)
            except (FileNotFoundError, NotADirectoryError):
                return self._removed(path)
        try:
            with on("source"):
                status = look(here, name)
            if status is None:
                return self._removed(path)
            self.type = type_of(status.st_mode)
            self.size = status.st_size if self.type == STMF else None
            if self.opened.excluded(path, stat.S_ISDIR(status.st_mode)):
                return Carried(path, self.type, "excluded")
            if self.type not in CARRIED_TYPES:
                return self._ineligible(path)
            with (
                self._by_turns(self.type == DIR or not _permits(here)),
                self._directory_of_copy(directory) as there,
                _writable(there),
            ):
                try:
                    return self._bring(regular.Place(path, name, here, there), status)
                finally:
                    self._settle(here, there)
        finally:
            os.close(here)

    def _bring(self, place: regular.Place, status: os.stat_result) -> Carried | Failed:
        link = link_of(status)
        if self.type == DIR:
            return self._directory(place)
        if link is None or self.type != STMF:
            return self._file(place, status)
        with self.links.lock:
            self.links.add(link, place.path, status.st_nlink)
            others = [other for other in self.links.others(link, place.path) if self._is(link, other)]
            linked = any(self._link(place, other) for other in others[:1])
            outcome = self._file(place, status)
            if isinstance(outcome, Carried) and outcome.what not in ("same", "metadata"):
                for other in others:
                    self._link_again(place, other)
            if linked and isinstance(outcome, Carried):
                return Carried(place.path, STMF, "linked", outcome.bytes, outcome.lacking)
            return outcome

    def _file(self, place: regular.Place, status: os.stat_result) -> Carried | Failed:
        if self.type == STMF:
            return regular.bring(place, self.options, lambda: self._clear(place.path))
        return self._special(place, status)

    def _special(self, place: regular.Place, status: os.stat_result) -> Carried | Failed:
        """A link, a pipe or a device: made new under a temporary name, unless it is the same already."""
        with on("source"):
            target = _target(place.here, place.name) if self.type == SYMLNK else b""
            wanted = metadata.of_name(place.here, place.name, status)
        had = look(place.there, place.name)
        if had is not None and type_of(had.st_mode) == self.type and had.st_rdev == status.st_rdev:
            there = metadata.of_name(place.there, place.name, had)
            if self.type != SYMLNK or _target(place.there, place.name) == target:
                if not metadata.differences(wanted, there):
                    return Carried(place.path, self.type, "same")
                lacking = metadata.put_name(place.there, place.name, wanted)
                return Carried(place.path, self.type, "metadata", 0, tuple(lacking))
        with temporary.named(place.there) as name:
            try:
                _make(place.there, name, self.type, target, status)
            except PermissionError:
                if self.type != CHRSF:
                    raise
                reason = f"uid {os.geteuid()} may not make a device; needed is CAP_MKNOD"
                return Failed(place.path, self.type, f"{shown(place.path)}: {reason}", False)
            lacking = metadata.put_name(place.there, name, wanted)
            if had is not None and stat.S_ISDIR(had.st_mode):
                self._clear(place.path)
            os.rename(name, place.name, src_dir_fd=place.there, dst_dir_fd=place.there)
        what: What = "created" if had is None else "replaced"
        return Carried(place.path, self.type, what, 0, tuple(lacking))

    def _directory(self, place: regular.Place) -> Carried:
        with on("source"):
            try:
                source = os.open(place.name, DIRECTORY, dir_fd=place.here)
            except (FileNotFoundError, NotADirectoryError) as error:
                raise Changed from error
        try:
            with on("source"):
                wanted = metadata.of_descriptor(source)
            had = look(place.there, place.name)
            new = had is None or not stat.S_ISDIR(had.st_mode)
            if new:
                if had is not None:
                    self._clear(place.path)
                os.mkdir(place.name, 0o700, dir_fd=place.there)
            what, lacking = self._directory_metadata(place, wanted, new)
        finally:
            os.close(source)
        if new:
            what = "created" if had is None else "replaced"
        return Carried(place.path, DIR, what, 0, tuple(lacking))

    def _directory_metadata(
        self, place: regular.Place, wanted: metadata.Metadata, new: bool
    ) -> tuple[What, list[str]]:
        copy = os.open(place.name, DIRECTORY, dir_fd=place.there)
        try:
            there = None if new else metadata.of_descriptor(copy)
            if there is not None and not metadata.differences(wanted, there):
                return "same", []
            lacking = metadata.put(copy, wanted, there)
            if self.options.sync == "path":
                os.fsync(copy)
            return "metadata", lacking
        finally:
            os.close(copy)

    def _root(self) -> Carried:
        self.type = DIR
        with on("source"):
            wanted = metadata.of_descriptor(self.opened.source)
        there = metadata.of_descriptor(self.opened.copy)
        if not metadata.differences(wanted, there):
            return Carried(b"", DIR, "same")
        return Carried(b"", DIR, "metadata", 0, tuple(metadata.put(self.opened.copy, wanted, there)))

    def _removed(self, path: bytes) -> Carried:
        """The source has not got it any more."""
        directory, name = parted(path)
        try:
            there = open_below(self.opened.copy, directory)
        except (FileNotFoundError, NotADirectoryError):
            return Carried(path, _ABSENT, "same")
        try:
            had = look(there, name)
            if had is None:
                return Carried(path, _ABSENT, "same")
            self.type = type_of(had.st_mode)
            if self.opened.excluded(path, stat.S_ISDIR(had.st_mode)):
                return Carried(path, self.type, "excluded")
            with self._by_turns(True), _writable(there):
                gone = removal.remove(self.opened.copy, path, self.opened.excluded)
            with suppress(OSError), below(self.opened.source, directory) as here:
                self._settle(here, there)
        finally:
            os.close(there)
        kept = () if gone else ("what is left out of the root is in it, and stays",)
        return Carried(path, self.type, "removed", 0, kept)

    def _ineligible(self, path: bytes) -> Failed:
        """What the copy had under this name is not what the source has."""
        self._clear(path)
        why = INELIGIBLE.get(self.type, "its type is not known")
        return Failed(path, self.type, f"{shown(path)} is ineligible: {why}", False)

    def _clear(self, path: bytes) -> None:
        if not removal.remove(self.opened.copy, path, self.opened.excluded):
            raise OSError(
                errno.ENOTEMPTY, "the directory holds what is left out of the root; needed is an empty one"
            )

    @contextmanager
    def _directory_of_copy(self, directory: bytes) -> Iterator[int]:
        """The copy's directory, made, with those above it, where it is not one."""
        try:
            fd = open_below(self.opened.copy, directory)
        except (FileNotFoundError, NotADirectoryError):
            kind = self.type
            parts = directory.split(b"/")
            for number in range(1, len(parts) + 1):
                made = self.carry(b"/".join(parts[:number]))
                if isinstance(made, Failed):
                    raise _InTheWay(made) from None
                if made.type != DIR:
                    raise Changed from None
            self.type = kind
            fd = open_below(self.opened.copy, directory)
        try:
            yield fd
        finally:
            os.close(fd)

    def _by_turns(self, needed: bool) -> AbstractContextManager[object]:
        """One at a time where one may forbid a directory to another that is at work in it; never to root."""
        return self.links.lock if needed and os.geteuid() != 0 else nullcontext()

    def _settle(self, here: int, there: int) -> None:
        """What we did in the copy's directory has changed its times, and is to be on disk."""
        status = os.fstat(here)
        with suppress(PermissionError):  # somebody else's directory
            os.utime(there, ns=(status.st_atime_ns, status.st_mtime_ns))
        if self.options.sync == "path":
            os.fsync(there)

    def _is(self, link: tuple[int, int], path: bytes) -> bool:
        """Whether a name on the source still is this file."""
        directory, name = parted(path)
        with suppress(OSError), below(self.opened.source, directory) as here:
            status = look(here, name)
            if status is not None and link_of(status) == link:
                return True
        self.links.forget(link, path)
        return False

    def _link(self, place: regular.Place, other: bytes) -> bool:
        """Make the copy of a name another name of what `other` is on the copy, if that is a file."""
        directory, name = parted(other)
        with suppress(FileNotFoundError, NotADirectoryError), below(self.opened.copy, directory) as fd:
            first, had = look(fd, name), look(place.there, place.name)
            if first is None or not stat.S_ISREG(first.st_mode):
                return False
            if had is not None and (had.st_dev, had.st_ino) == (first.st_dev, first.st_ino):
                return False
            if had is not None and stat.S_ISDIR(had.st_mode):
                self._clear(place.path)
            _link(fd, name, place.there, place.name)
            return True
        return False

    def _link_again(self, place: regular.Place, other: bytes) -> None:
        """Another name of the file that was just made anew."""
        directory, name = parted(other)
        with suppress(FileNotFoundError, NotADirectoryError), below(self.opened.copy, directory) as fd:
            had = look(fd, name)
            if had is not None and not stat.S_ISREG(had.st_mode):
                return  # it will be carried by itself
            with _writable(fd):
                _link(place.there, place.name, fd, name)
            with suppress(OSError), below(self.opened.source, directory) as here:
                self._settle(here, fd)


def _link(from_directory: int, from_name: bytes, directory: int, name: bytes) -> None:
    with temporary.named(directory) as made:
        os.link(from_name, made, src_dir_fd=from_directory, dst_dir_fd=directory, follow_symlinks=False)
        os.rename(made, name, src_dir_fd=directory, dst_dir_fd=directory)


def _make(directory: int, name: bytes, kind: str, target: bytes, status: os.stat_result) -> None:
    if kind == SYMLNK:
        os.symlink(target, name, dir_fd=directory)
    elif kind == FIFO:
        os.mkfifo(name, 0o600, dir_fd=directory)
    else:
        os.mknod(name, stat.S_IFCHR | 0o600, status.st_rdev, dir_fd=directory)


def _target(directory: int, name: bytes) -> bytes:
    try:
        return os.readlink(name, dir_fd=directory)
    except OSError as error:
        raise Changed from error


def _permits(directory: int) -> bool:
    """Whether its owner may change what is in it."""
    return os.fstat(directory).st_mode & 0o300 == 0o300


@contextmanager
def _writable(directory: int) -> Iterator[None]:
    """Without root's rights, our own directory may forbid us what it forbids everybody on the source."""
    status = os.fstat(directory)
    mode = stat.S_IMODE(status.st_mode)
    if os.geteuid() == 0 or status.st_uid != os.geteuid() or _permits(directory):
        yield
        return
    os.fchmod(directory, mode | 0o300)
    try:
        yield
    finally:
        os.fchmod(directory, mode)
