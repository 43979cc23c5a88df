"""Where the files of a node are, and the access to them by ssh: for the page and the shell.

A host key is pinned only when somebody has compared its fingerprint; a private key comes in and never out.
"""

from dataclasses import dataclass

from django.core.exceptions import ValidationError
from django.db import transaction

from nodes.models import Node, PropertyChange
from tracking.ifs.host import Host
from tracking.ifs.host_key import fingerprint, scan_host_key
from tracking.ifs.login_key import public_half
from tracking.ifs.not_reached import NotReached

_FIELDS = ("file_host", "file_port", "file_user", "file_key", "file_host_key")


@dataclass(frozen=True)
class Access:
    """What a host shows, and what it has to let in: a line for authorized_keys."""

    host: str
    port: int
    user: str
    host_key: str
    public: str

    @property
    def fingerprint(self) -> str:
        """Of the key that it shows."""
        return fingerprint(self.host_key)


def look(host: str, port: int, user: str, private: str) -> Access:
    """Ask a host for its key; nothing is stored. Raises `ValidationError`."""
    try:
        public = public_half(private)
    except ValueError as error:
        raise ValidationError({"private": str(error)}) from error
    try:
        return Access(host, port, user, scan_host_key(host, port), public)
    except (NotReached, ValueError) as error:
        raise ValidationError({"host": str(error)}) from error


def keep(node: Node, found: Access, private: str, confirmed: str, by: str) -> None:
    """Store the access, with the host key pinned whose fingerprint was confirmed.

    Raises `ValidationError`.
    """
    if confirmed != found.fingerprint:
        why = (
            f"{found.host} shows the host key {found.fingerprint}, and not {confirmed}: somebody may be in"
            " between, or the wrong key was confirmed; nothing is stored"
        )
        raise ValidationError({"fingerprint": why})
    try:
        Host(found.host, found.port, found.user, private, found.host_key)
    except ValueError as error:
        raise ValidationError({"host": str(error)}) from error
    _store(node, by, found.host, found.port, found.user, private, found.host_key)


def forget(node: Node, by: str) -> None:
    """Its files are on the portal's host again, and the key is forgotten."""
    _store(node, by, "", 22, "root", "", "")


def _store(node: Node, by: str, *values: object) -> None:
    before = _where(node)
    for name, value in zip(_FIELDS, values, strict=True):
        setattr(node, name, value)
    node.full_clean()
    with transaction.atomic():
        node.save(update_fields=_FIELDS)
        PropertyChange.objects.create(
            about=node.name, key=f"node {node.pk}", name="files", before=before, after=_where(node), by=by
        )


def _where(node: Node) -> str:
    if not node.file_host:
        return "on the portal's host"
    return f"{node.file_user}@{node.file_host} port {node.file_port}"
