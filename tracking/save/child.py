"""PostgreSQL's client programs as child processes that never outlive us."""

import contextlib
import ctypes
import functools
import os
import re
import signal
import subprocess
import sys
from collections.abc import Sequence
from typing import IO

from nodes.postgres import programs
from nodes.postgres.connect import NO_TRANSACTION_TIMEOUT

_PR_SET_PDEATHSIG = 1  # prctl(2)
# psql with VERBOSITY=verbose: "ERROR:  55P03: canceling ..."; the first word is in the server's language
_SERVER_MESSAGE = re.compile(r"^(?:psql:[^ ]* )?[^\s:]+:\s+([0-9A-Z]{5}): (.*)$", re.MULTILINE)

# Looked up before any fork: between fork and exec nothing may be imported or waited for.
_prctl = ctypes.CDLL(None, use_errno=True).prctl if sys.platform == "linux" else None

Child = subprocess.Popen[bytes]
Stream = int | IO[bytes] | None


def _die_with(parent: int) -> None:
    """In the child: be killed when the thread that started us ends, however it ends."""
    if _prctl is not None:
        _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it was killed before the call above
        os._exit(1)


def start(command: Sequence[str], conninfo: str, *, stdin: Stream, stdout: Stream, stderr: Stream) -> Child:
    """Start a client program that is killed with us, also by our kill -9.

    It has a session of its own: a Ctrl-C in our terminal is for us to handle, not for it.
    """
    return subprocess.Popen(
        command,
        env=programs.environment(conninfo),
        stdin=stdin,
        stdout=stdout,
        stderr=stderr,
        start_new_session=True,
        preexec_fn=functools.partial(_die_with, os.getpid()),
    )


def psql(conninfo: str, *commands: str, quiet: bool = False, script: bool = False) -> list[str]:
    """The command line of a psql that runs `commands` one by one and stops at the first error.

    Quiet, it writes nothing to its output but data. With `script` it runs its input too, all in one
    transaction, and says of an error in which line it is. `conninfo` is one of `session_conninfo`.
    """
    settings = ["-v", "ON_ERROR_STOP=1", "-v", "VERBOSITY=verbose", "-v", "SHOW_CONTEXT=never"]
    line = [programs.program("psql"), "--no-psqlrc", "--no-password", *settings]
    line += ["--quiet"] if quiet else []
    for command in (NO_TRANSACTION_TIMEOUT, *commands):
        line += ["-c", command]
    line += ["--single-transaction", "--file=-", "-v", "VERBOSITY=default"] if script else []
    return [*line, programs.argument(conninfo)]


def server_message(output: str) -> tuple[str, str]:
    """SQLSTATE and message of the last error in psql's output; without SQLSTATE where it never connected."""
    # Classes 00 to 02 are no errors
    if found := [each for each in _SERVER_MESSAGE.findall(output) if each[0] > "03"]:
        sqlstate, message = found[-1]
        return sqlstate, message
    lines = [line for line in output.strip().splitlines() if line.strip()]
    return "", " ".join(lines) or "it was killed"


def end(child: Child) -> None:
    """Kill a child with its own children, and reap it."""
    if child.poll() is None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGKILL)
    child.wait()
