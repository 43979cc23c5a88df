"""Running rsync: what it is told, what it says, and what its end means.

It writes to a temporary name and renames, so there is no half file under a real name; --inplace is never
used. A link on the copy that stands where the source has a directory is replaced by one: that is what rsync
does with the directories that lead to a name it was given, as long as --keep-dirlinks is not.
"""

import shlex
import shutil
import subprocess
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from threading import Event

from .host import ALIAS, Connection, Version, environment, version_of
from .itemized import FORMAT, Item, decoded, item
from .not_reached import NotReached
from .outcome import Stopped
from .ssh_words import not_reached, said_in

NEEDED: Version = (3, 1, 3)  # times to the nanosecond
_FSYNC: Version = (3, 2, 4)
# Those that travel, on both sides; without this a copy's own SELinux label would be removed.
_ATTRIBUTES = ("+x user.*", "+x trusted.*", "+x security.capability", "-x *")
_SAME = (
    "-lptgoDHAXS", "--numeric-ids", "--modify-window=-1", "--delete-missing-args",
    *(f"--filter={rule}" for rule in _ATTRIBUTES), *(f"-M--filter={rule}" for rule in _ATTRIBUTES),
)  # fmt: skip
_PARTIAL = (0, 23, 24, 25)
_FILES = (3, 11)
_STOP_SECONDS = 0.2
_NO_PROGRAM = ("command not found", "No such file or directory", "not found")


@dataclass(frozen=True)
class Ran:
    """What rsync has printed. `code` is 0 where all went well; `errors` are its messages, names decoded."""

    code: int
    lines: list[bytes]
    errors: list[bytes]

    @property
    def items(self) -> list[Item]:
        """Objects that differ."""
        return [found for line in self.lines if (found := item(line))]

    @property
    def broken_off(self) -> bool:
        """An error with a file has ended it: names that come later were not looked at."""
        return self.code in _FILES


def metadata(connection: Connection, durable: bool = False) -> list[str]:
    """Options to make all that travels the same; `durable`: files are on disk before they get their name."""
    options = list(_SAME)
    if connection.facts.uid:
        options.append("--chmod=Fu-s,Fg-s")  # never lend the rights of our user there to anybody
    both = min(connection.facts.rsync, local_version())
    if both >= _FSYNC:
        options += ["--open-noatime", *(["--fsync"] if durable else [])]
    return options


def push(
    connection: Connection,
    options: Sequence[str],
    source: bytes,
    copy: bytes,
    names: Iterable[bytes] | None = None,
    stop: Event | None = None,
) -> Ran:
    """From a directory here to one there; `names`: only these, and the directories that lead to them.

    Raises `NotReached`, and `Stopped`.
    """
    # With the dot, a directory that is not there is an error, and not made.
    ends = [source.rstrip(b"/") + b"/", ALIAS.encode() + b":" + copy.rstrip(b"/") + b"/."]
    return _run(connection, [*options, f"--out-format={FORMAT}"], ends, names, stop)


def pull(
    connection: Connection,
    options: Sequence[str],
    copy: bytes,
    names: Iterable[bytes],
    stop: Event | None = None,
) -> Ran:
    """What would come from there, into an empty directory: nothing does."""
    with tempfile.TemporaryDirectory(prefix="mwa-nothing-") as nothing:
        ends = [ALIAS.encode() + b":" + copy.rstrip(b"/") + b"/.", nothing.encode() + b"/"]
        return _run(connection, ["--dry-run", *options], ends, names, stop)


@cache
def local_version() -> Version:
    """Of rsync on this host. Raises `NotReached` where there is none."""
    try:
        return version_of(subprocess.run(["rsync", "--version"], capture_output=True, check=True).stdout)
    except (OSError, subprocess.SubprocessError) as error:
        raise NotReached("rsync", f"rsync on this host: {error}; needed is the program") from error


def _run(
    connection: Connection,
    options: Sequence[str],
    ends: list[bytes],
    names: Iterable[bytes] | None,
    stop: Event | None,
) -> Ran:
    shell = shlex.join(connection.command[:-1])
    given = ["--files-from=-", "--from0"] if names is not None else []
    far = [f"--rsync-path={connection.host.rsync}", "--rsh=" + shell, "--secluded-args"]
    command: list[str | bytes] = [*_dies_with_us(), "rsync", *far, *given, *options, *ends]
    code, out, errors = _ended(command, b"".join(name + b"\0" for name in names or ()), stop)
    lines = [line for line in out.split(b"\n") if line]
    messages = [line for line in lines if item(line) is None]
    ran = Ran(code, lines, [decoded(line) for line in [*errors.split(b"\n"), *messages] if line])
    if code not in _PARTIAL and not (ran.broken_off and errors):
        raise _failure(connection, code, errors)
    return ran


def _ended(command: Sequence[str | bytes], names: bytes, stop: Event | None) -> tuple[int, bytes, bytes]:
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, env=environment()) as running:
        given: bytes | None = names
        while True:
            try:
                out, errors = running.communicate(given, timeout=_STOP_SECONDS)
                return running.returncode, out, errors
            except subprocess.TimeoutExpired:
                given = None
                if stop is not None and stop.is_set():
                    running.terminate()
                    running.communicate()
                    raise Stopped from None
            except BaseException:
                running.terminate()
                raise


def _failure(connection: Connection, code: int, errors: bytes) -> NotReached:
    text = errors.decode(errors="replace")
    host = connection.host
    if any(f"{host.rsync}: {words}" in text for words in _NO_PROGRAM):
        return NotReached("rsync", f"{host.host}: no {host.rsync} there; needed is rsync {_dotted(NEEDED)}")
    if "invalid file mode 00" in text:
        bug = "cannot remove names that are missing (its bug 910: 3.4.3, and others patched in May 2026)"
        return NotReached("rsync", f"rsync on {host.host} {bug}; needed is 3.4.4, or a fix of this")
    if code in (10, 12, 30, 35, 255) or code < 0:
        return not_reached(host, errors)
    return NotReached("rsync", f"rsync to {host.host} ended with {code}: {said_in(text)}")


@cache
def _dies_with_us() -> tuple[str, ...]:
    """Of a process that is killed, no rsync goes on writing: after a swap that would be the new primary."""
    program = shutil.which("setpriv")
    return (program, "--pdeathsig", "KILL") if program else ()


def _dotted(version: Version) -> str:
    return ".".join(map(str, version))
