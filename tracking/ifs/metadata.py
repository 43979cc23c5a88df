"""Owner, mode, times and attributes: reading them, and giving them to a copy."""

import os
import stat
from dataclasses import dataclass
from datetime import UTC, datetime

from . import attributes


@dataclass(frozen=True, slots=True)
class Metadata:
    """What an object has besides its content."""

    status: os.stat_result
    attributes: dict[str, bytes]


def of_descriptor(fd: int, status: os.stat_result | None = None) -> Metadata:
    """Of an open file or directory."""
    return Metadata(status or os.fstat(fd), attributes.read(fd))


def of_name(directory: int, name: bytes, status: os.stat_result) -> Metadata:
    """Of what is not opened: links, pipes, devices."""
    return Metadata(status, attributes.read(attributes.at(directory, name)))


def differences(source: Metadata, copy: Metadata) -> list[str]:
    """What differs, in words; the time of the last access is not looked at."""
    here, there = source.status, copy.status
    found = []
    if not stat.S_ISLNK(here.st_mode) and stat.S_IMODE(here.st_mode) != stat.S_IMODE(there.st_mode):
        modes = stat.S_IMODE(here.st_mode), stat.S_IMODE(there.st_mode)
        found.append("mode {:04o}, copy {:04o}".format(*modes))
    if here.st_uid != there.st_uid:
        found.append(f"owner {here.st_uid}, copy {there.st_uid}")
    if here.st_gid != there.st_gid:
        found.append(f"group {here.st_gid}, copy {there.st_gid}")
    if here.st_mtime_ns != there.st_mtime_ns:
        found.append(f"modified at {_time(here.st_mtime_ns)}, copy {_time(there.st_mtime_ns)}")
    names = source.attributes.keys() | copy.attributes.keys()
    found += [
        f"attribute {name}"
        for name in sorted(names)
        if source.attributes.get(name) != copy.attributes.get(name)
    ]
    return found


def put(fd: int, wanted: Metadata, there: Metadata | None = None) -> list[str]:
    """Give an open file or directory the metadata; returns what could not be given, with reasons.

    `there` is what it has; None: it is new, and has what this process gives to everything.
    """
    status, now = wanted.status, there.status if there else os.fstat(fd)
    lacking = []
    owned = (now.st_uid, now.st_gid) == (status.st_uid, status.st_gid)
    if not owned:  # first: it takes away set-user-id bits and capabilities
        lacking += _own(fd, status, now)
    if wanted.attributes or there is None or there.attributes:
        lacking += attributes.write(fd, wanted.attributes, there.attributes if there and owned else None)
    mode = stat.S_IMODE(status.st_mode)
    if lacking and any(why.startswith("owner") for why in lacking):
        mode &= ~(stat.S_ISUID | stat.S_ISGID)  # never lend somebody else's rights to ours
    if not owned or wanted.attributes or mode != stat.S_IMODE(now.st_mode):
        os.fchmod(fd, mode)
    os.utime(fd, ns=(status.st_atime_ns, status.st_mtime_ns))
    return lacking


def put_name(directory: int, name: bytes, wanted: Metadata) -> list[str]:
    """As `put`, for a link, a pipe or a device."""
    status, now = wanted.status, os.stat(name, dir_fd=directory, follow_symlinks=False)
    lacking = []
    if (now.st_uid, now.st_gid) != (status.st_uid, status.st_gid):
        lacking += _own(name, status, now, directory)
    lacking += attributes.write(attributes.at(directory, name), wanted.attributes, None)
    if not stat.S_ISLNK(now.st_mode):
        _chmod(directory, name, status)
    times = (status.st_atime_ns, status.st_mtime_ns)
    os.utime(name, ns=times, dir_fd=directory, follow_symlinks=False)
    return lacking


def _chmod(directory: int, name: bytes, wanted: os.stat_result) -> None:
    # fchmodat(2) follows links: go through a descriptor of the object itself.
    fd = os.open(name, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=directory)
    try:
        if not stat.S_ISLNK(os.fstat(fd).st_mode):
            path = b"/proc/self/fd/%d" % fd
            os.chmod(path, stat.S_IMODE(wanted.st_mode))
    finally:
        os.close(fd)


def _own(
    target: int | bytes, wanted: os.stat_result, now: os.stat_result, directory: int | None = None
) -> list[str]:
    """Owner and group, or at least the group; says what was not permitted."""
    try:
        _chown(target, wanted.st_uid, wanted.st_gid, directory)
        return []
    except PermissionError:
        pass
    lacking = []
    if wanted.st_uid != now.st_uid:
        lacking.append(f"owner {wanted.st_uid}: uid {os.geteuid()} may not give files away (CAP_CHOWN)")
    if wanted.st_gid != now.st_gid:
        try:
            _chown(target, -1, wanted.st_gid, directory)
        except PermissionError:
            lacking.append(f"group {wanted.st_gid}: uid {os.geteuid()} is not in it")
    return lacking


def _chown(target: int | bytes, uid: int, gid: int, directory: int | None) -> None:
    if isinstance(target, int):
        os.fchown(target, uid, gid)
    else:
        os.chown(target, uid, gid, dir_fd=directory, follow_symlinks=False)


def _time(nanoseconds: int) -> str:
    seconds, rest = divmod(nanoseconds, 10**9)
    try:
        return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M:%S}.{rest:09d} UTC"
    except (ValueError, OverflowError, OSError):  # a file system knows more years than a calendar
        return f"{seconds}.{rest:09d} s after 1970"
