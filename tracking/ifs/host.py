"""The host that has the copy, and one connection to it by ssh that all commands share."""

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from shlex import quote
from typing import NamedTuple

from .host_key import pinned
from .not_reached import NotReached
from .ssh_words import not_reached

ALIAS = "mwa-copy"  # what ssh and rsync are told; where it leads to is in our own configuration
_LOST = 255  # what ssh itself ends with when it fails
_ANSWER_SECONDS = 60
_ALIVE_SECONDS, _ALIVE_TIMES = 5, 4
_KEPT_SECONDS = 60  # that an unused connection outlives a process of ours that was killed
_WORD = re.compile(r"[A-Za-z0-9_.:%@/+=-]+\Z")
_VERSION = re.compile(rb"rsync\s+version\s+v?(\d+)\.(\d+)\.(\d+)")

Version = tuple[int, ...]


@dataclass(frozen=True)
class Host:
    """Where the copy is. `private_key` is the text of an OpenSSH key without a passphrase.

    `host_key`: the keys that this host may have, lines as in known_hosts; the names in them are not looked
    at, so they hold for whatever name or address leads there. `rsync`: the program there. Raises ValueError.
    """

    host: str
    port: int
    user: str
    private_key: str = field(repr=False)
    host_key: str
    rsync: str = "rsync"
    connect_seconds: int = 10

    def __post_init__(self) -> None:
        pinned(self.host_key)
        if not 0 < self.port < 65536:
            raise ValueError(f"port {self.port}: needed is a number from 1 to 65535")
        for what, value in (("host", self.host), ("user", self.user), ("rsync", self.rsync)):
            if not _WORD.match(value) or value.startswith("-"):
                raise ValueError(f"{what} {value!r}: needed are letters, digits and ._:%@/+=-, no - in front")

    def __str__(self) -> str:
        return f"{self.user}@{self.host} port {self.port}"


class Facts(NamedTuple):
    """What the other side is."""

    uid: int
    rsync: Version


class Connection:
    """To a host. The key is in memory only and goes with this process; the rest is in a private directory.

    The first command logs in, later ones take milliseconds. A connection that was lost is made anew by the
    next command. May be used by several threads.
    """

    def __init__(self, host: Host) -> None:
        self.host = host
        # A socket's path has 108 characters at most, of which ssh needs 17 for itself.
        self._directory = tempfile.mkdtemp(prefix="mwa-ssh-", dir="/tmp")
        self._key = os.memfd_create("mwa-ssh-key")
        os.fchmod(self._key, 0o600)
        os.write(self._key, host.private_key.strip().encode() + b"\n")
        self._write("known_hosts", "".join(f"{ALIAS} {key}\n" for key in pinned(host.host_key)))
        self._write("config", self._config())

    @property
    def command(self) -> list[str]:
        """Of ssh, up to what is to be run there."""
        return ["ssh", "-T", "-F", f"{self._directory}/config", ALIAS]

    def run(
        self, script: str, *arguments: str, given: bytes = b"", seconds: float = _ANSWER_SECONDS
    ) -> bytes:
        """What a script of sh prints there; it reads `given`. Raises `NotReached`, and `Refused`."""
        line = " ".join(["exec", "sh", "-c", quote(script), "sh", *map(quote, arguments)])
        try:
            done = subprocess.run(
                [*self.command, line],
                input=given,
                capture_output=True,
                timeout=seconds,
                env=environment(),
            )
        except subprocess.TimeoutExpired:
            raise NotReached(
                "unreachable", f"{self.host}: no answer within {seconds:g} s; needed is one"
            ) from None
        if done.returncode == _LOST:
            raise not_reached(self.host, done.stderr)
        if done.returncode:
            raise Refused(done.stderr.decode(errors="replace").strip() or f"exit status {done.returncode}")
        return done.stdout

    @cached_property
    def facts(self) -> Facts:
        """Raises `NotReached`, also where there is no rsync."""
        try:
            said = self.run('id -u && "$1" --version', self.host.rsync)
        except Refused as error:
            raise NotReached("rsync", f"{self.host}: no {self.host.rsync} there: {error}") from None
        uid, _, text = said.partition(b"\n")
        return Facts(int(uid), version_of(text))

    def close(self) -> None:
        """End the connection, and forget the key."""
        with suppress(OSError, subprocess.SubprocessError):
            command = [*self.command[:-1], "-O", "exit", ALIAS]
            subprocess.run(command, capture_output=True, timeout=_ANSWER_SECONDS)
        os.close(self._key)
        shutil.rmtree(self._directory, ignore_errors=True)

    def _write(self, name: str, text: str) -> None:
        Path(self._directory, name).write_text(text)

    def _config(self) -> str:
        settings = {
            "HostName": self.host.host, "Port": self.host.port, "User": self.host.user,
            "HostKeyAlias": ALIAS, "CheckHostIP": "no", "StrictHostKeyChecking": "yes",
            "UserKnownHostsFile": f"{self._directory}/known_hosts", "GlobalKnownHostsFile": "/dev/null",
            "UpdateHostKeys": "no", "VerifyHostKeyDNS": "no",
            "IdentityFile": f"/proc/{os.getpid()}/fd/{self._key}", "IdentitiesOnly": "yes",
            "IdentityAgent": "none", "PreferredAuthentications": "publickey", "BatchMode": "yes",
            "ConnectTimeout": self.host.connect_seconds,
            "ServerAliveInterval": _ALIVE_SECONDS, "ServerAliveCountMax": _ALIVE_TIMES,
            "ControlMaster": "auto", "ControlPath": f"{self._directory}/s", "ControlPersist": _KEPT_SECONDS,
            "ClearAllForwardings": "yes", "ForwardAgent": "no", "ForwardX11": "no", "LogLevel": "ERROR",
        }  # fmt: skip
        return f"Host {ALIAS}\n" + "".join(f"  {name} {value}\n" for name, value in settings.items())


class Refused(Exception):
    """A command there has ended with an error; the message is what it said."""


@contextmanager
def connected(host: Host) -> Iterator[Connection]:
    """A connection that is closed in the end; nothing is sent before the first command."""
    connection = Connection(host)
    try:
        yield connection
    finally:
        connection.close()


def environment() -> dict[str, str]:
    """Messages in English, whatever the language here; and no agent of somebody's."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("RSYNC_", "SSH_"))}
    return kept | {"LC_ALL": "C"}


def version_of(text: bytes) -> Version:
    """Of what `rsync --version` prints; (0,) where it is something else."""
    found = _VERSION.search(text)
    return tuple(map(int, found.groups())) if found else (0,)
