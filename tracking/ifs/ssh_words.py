"""What ssh says when it fails, in words that tell what to do."""

import re
from typing import Protocol

from .host_key import fingerprint, pinned
from .not_reached import NotReached

_SEEN = re.compile(r"^(SHA256:\S+)\.\s*$", re.MULTILINE)
_NOISE = re.compile(r"\s*$|@@|rsync (error|warning):|rsync: connection unexpectedly closed")


class Named(Protocol):
    """What is needed of a host for a message."""

    @property
    def host(self) -> str: ...
    @property
    def port(self) -> int: ...
    @property
    def user(self) -> str: ...
    @property
    def host_key(self) -> str: ...


def not_reached(host: Named, stderr: bytes) -> NotReached:
    """Of what ssh has said, alone or below rsync."""
    text = stderr.decode(errors="replace")
    where = f"{host.host} port {host.port}"
    if "Host key verification failed" in text:
        return NotReached("host key", f"{where} {_other_key(host, text)}")
    if "Permission denied (" in text or "Too many authentication failures" in text:
        said = next(line for line in text.splitlines() if "denied (" in line or "Too many" in line)
        reason = f"refuses the key of this node for user {host.user}: {said.strip()}"
        needed = f"needed is its public half in authorized_keys of {host.user} there"
        return NotReached("login", f"{where} {reason}; {needed}")
    if "Load key " in text:
        return NotReached("login", f"{where}: the private key of this node is none: {said_in(text)}")
    return NotReached("unreachable", f"{where} cannot be reached: {said_in(text)}")


def said_in(text: str) -> str:
    """What a program has said, on one line."""
    lines = [line.strip() for line in text.splitlines() if not _NOISE.match(line)]
    return "; ".join(lines[-4:]) or "the connection was closed"


def _other_key(host: Named, text: str) -> str:
    wanted = ", ".join(f"{fingerprint(key)} ({key.split()[0]})" for key in pinned(host.host_key))
    found = _SEEN.search(text)
    seen = f"shows the host key {found.group(1)}" if found else f"shows another host key ({said_in(text)})"
    return (
        f"{seen}; pinned is {wanted}: somebody may be in between, or the host was installed anew. "
        "Compare it with the host's console, then pin the new one"
    )
