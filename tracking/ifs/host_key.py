"""Host keys: those that are pinned, those that a host shows, and their fingerprints."""

import binascii
import subprocess
from base64 import b64decode, b64encode
from hashlib import sha256

from .not_reached import NotReached

_PREFERRED = ("ssh-ed25519", "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp521", "ssh-rsa")
_KINDS = ("ssh-", "ecdsa-", "sk-")
_SCAN_SECONDS = 10


def pinned(text: str) -> list[str]:
    """The keys of lines as in known_hosts, each 'type base64' without the names before. Raises ValueError."""
    keys = []
    for line in text.splitlines():
        words = line.split()
        if not words or words[0].startswith("#"):
            continue
        kinds = [number for number, word in enumerate(words[:2]) if word.startswith(_KINDS)]
        key = words[kinds[0] :][:2] if kinds else []
        if len(key) < 2 or not _is_key(*key):
            raise ValueError(f"host key {line!r}: needed is a line of known_hosts: host, type and key")
        keys.append(" ".join(key))
    if not keys:
        raise ValueError("no host key is pinned; needed is a line of known_hosts: host, type and key")
    return keys


def fingerprint(key: str) -> str:
    """Of a key ('type base64', with or without a name before), as ssh-keygen -l prints it."""
    digest = sha256(b64decode(pinned(key)[0].split()[1])).digest()
    return "SHA256:" + b64encode(digest).decode().rstrip("=")


def scan_host_key(host: str, port: int = 22) -> str:
    """The key that a host shows, a line for known_hosts; the strongest of several kinds.

    Whoever is on the way can show his own: a person compares `fingerprint` with what the host's console says.
    Raises `NotReached`.
    """
    if host.startswith("-"):
        raise ValueError(f"host {host!r}: needed is one without - in front")
    command = ["ssh-keyscan", "-T", str(_SCAN_SECONDS), "-p", str(port), host]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=3 * _SCAN_SECONDS)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise NotReached("unreachable", f"{host} port {port}: {error}") from error
    lines = [line for line in done.stdout.splitlines() if line and not line.startswith("#")]
    found = {line.split()[1]: line for line in lines}
    for kind in _PREFERRED:
        if kind in found:
            return found[kind]
    said = [line for line in done.stderr.splitlines() if not line.startswith("#")]
    reason = "; ".join(said) or "it shows no key: nothing answers there, or it is no ssh server"
    raise NotReached("unreachable", f"{host} port {port}: {reason}")


def _is_key(kind: str, key: str) -> bool:
    try:
        return b64decode(key, validate=True)[4:].startswith(kind.encode())  # behind its length
    except binascii.Error:
        return False
