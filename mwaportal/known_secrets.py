"""Takes every secret that this portal has out of a text: for what is handed to somebody else."""

import json
import os
import re
from collections.abc import Iterator
from urllib.parse import quote, unquote, urlsplit

import psycopg
from django.conf import settings
from psycopg.conninfo import conninfo_to_dict

from nodes.models import Node

from .logs import redact
from .secretbox import WrongCredentialKey

_SHORTEST = 4  # a shorter one is found by what stands before it only: else it would be in half of all words
_IN_CONNINFO = ("password", "sslpassword", "scram_client_key", "scram_server_key", "oauth_client_secret")
_HIDDEN = "***"


class Cleaner:
    """Knows the secrets of the moment; whoever has it knows them, too."""

    def __init__(self) -> None:
        forms = {form for secret in _secrets() if len(secret) >= _SHORTEST for form in _forms_of(secret)}
        longest_first = sorted(forms, key=len, reverse=True)
        self._known = re.compile("|".join(map(re.escape, longest_first))) if forms else None

    def clean(self, text: str) -> str:
        """Without the secrets, and without whatever else looks like a password."""
        return self.take_out(redact(text))

    def take_out(self, text: str) -> str:
        """Without the secrets; what stands around them, as quotes and commas, stays."""
        return self._known.sub(_HIDDEN, text) if self._known else text


def _forms_of(secret: str) -> set[str]:
    """As it stands in SQL, in CSV, in JSON, in an address, in Python."""
    return {
        secret, secret.replace("'", "''"), secret.replace('"', '""'), secret.replace("\\", "\\\\"),
        json.dumps(secret)[1:-1], json.dumps(secret, ensure_ascii=False)[1:-1], quote(secret, safe=""),
        quote(secret), repr(secret)[1:-1],
    }  # fmt: skip


def _secrets() -> Iterator[str]:
    yield settings.SECRET_KEY
    yield from settings.CREDENTIAL_KEYS
    for url in (settings.DATABASE_URL, settings.REDIS_URL):
        yield from _of_conninfo(url or "")
        if url and (password := _password_of(url)):
            yield from (password, unquote(password))
    database = settings.DATABASES["default"]
    yield str(database.get("PASSWORD") or "")
    yield from (str(value) for name, value in database.get("OPTIONS", {}).items() if name in _IN_CONNINFO)
    yield os.environ.get("PGPASSWORD", "")
    for node in Node.objects.all():
        yield from _of_node(node)


def _password_of(url: str) -> str | None:
    try:
        return urlsplit(url).password
    except ValueError:
        return None


def _of_conninfo(conninfo: str) -> Iterator[str]:
    try:
        parts = conninfo_to_dict(conninfo)
    except psycopg.Error:
        yield conninfo  # nobody knows where in it the password is
        return
    yield from (str(parts[name]) for name in _IN_CONNINFO if parts.get(name))


def _of_node(node: Node) -> Iterator[str]:
    """Its connection string's, and its ssh key, which a text may have line by line."""
    try:
        yield from _of_conninfo(node.conninfo)
        key = node.file_key.strip()
    except WrongCredentialKey:  # so nobody can have got at it
        return
    yield key
    yield from (line.strip() for line in key.splitlines() if line.strip() and not line.startswith("-----"))
