"""Extended attributes, and with them the POSIX ACLs, of an object."""

import errno
import os

# Others (security.selinux, security.ima, system.nfs4_acl ...) belong to the host or its file system.
_NAMESPACES = ("user.", "trusted.")
_NAMES = frozenset({"system.posix_acl_access", "system.posix_acl_default", "security.capability"})
_NONE = (errno.ENOTSUP, errno.ENOSYS)
_GONE = (errno.ENODATA, errno.ENOENT)

Target = int | bytes  # a descriptor, or a path whose last part is not followed


def at(directory: int, name: bytes) -> bytes:
    """A path for what has no descriptor: the kernel goes from the open directory to the name."""
    return b"/proc/self/fd/%d/%s" % (directory, name)


def read(target: Target) -> dict[str, bytes]:
    """Those that travel, by name. Empty where the file system has none."""
    follow = isinstance(target, int)
    found: dict[str, bytes] = {}
    try:
        names = os.listxattr(target, follow_symlinks=follow)
    except OSError as error:
        if error.errno in _NONE:
            return found
        raise
    for name in names:
        if travels(name):
            try:
                found[name] = os.getxattr(target, name, follow_symlinks=follow)
            except OSError as error:
                if error.errno not in _GONE:
                    raise
    return found


def write(target: Target, wanted: dict[str, bytes], there: dict[str, bytes] | None) -> list[str]:
    """Make those that travel as wanted; `there` is what it has, None where that is not known.

    Returns what could not be: each with the reason.
    """
    follow = isinstance(target, int)
    there = read(target) if there is None else there
    lacking = []
    for name in there.keys() - wanted.keys():
        try:
            os.removexattr(target, name, follow_symlinks=follow)
        except OSError as error:
            if error.errno != errno.ENODATA:
                lacking.append(f"{name} could not be removed: {error.strerror}")
    for name, value in wanted.items():
        if there.get(name) != value:
            try:
                os.setxattr(target, name, value, follow_symlinks=follow)
            except OSError as error:
                if error.errno in (errno.ENOSPC, errno.EDQUOT):
                    raise
                lacking.append(f"{name}: {error.strerror}")
    return lacking


def travels(name: str) -> bool:
    """Whether an attribute of this name is carried and compared."""
    return name.startswith(_NAMESPACES) or name in _NAMES
