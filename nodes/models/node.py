"""A PostgreSQL cluster that takes part."""

from pathlib import Path

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models

from mwaportal.secretbox import EncryptedTextField
from nodes.postgres import offered
from nodes.postgres.connect import for_database
from nodes.postgres.embedded import EmbeddedServer


class Node(models.Model):
    """One PostgreSQL cluster: given by a connection string, or embedded (then `directory` says where).

    `file_host` has the files beside it: an engine is there that is told this name (MWA_FILE_HOST), and those
    on other hosts reach it by ssh, with this user, key and pinned host key. Empty: it is the portal's host.
    """

    name = models.CharField(max_length=63, unique=True)
    conninfo = EncryptedTextField(blank=True)
    directory = models.CharField(max_length=1000, blank=True)
    version = models.PositiveSmallIntegerField(null=True, blank=True)
    identifier = models.BigIntegerField(null=True, editable=False)  # of the cluster, once it has answered
    file_host = models.CharField(max_length=255, blank=True)
    file_port = models.PositiveIntegerField(
        default=22, validators=[MinValueValidator(1), MaxValueValidator(65_535)]
    )
    file_user = models.CharField(max_length=64, default="root")
    file_key = EncryptedTextField(blank=True)  # the private half, without a passphrase
    file_host_key = models.TextField(blank=True)  # lines of known_hosts

    def __str__(self) -> str:
        return self.name

    @property
    def embedded(self) -> EmbeddedServer | None:
        """The server of our own behind this node, if it is one."""
        return EmbeddedServer(Path(self.directory), self.version or 18) if self.directory else None

    @property
    def own_conninfo(self) -> str:
        """The connection string as it was given, for questions to the server as a whole."""
        server = self.embedded
        return server.conninfo() if server else self.conninfo

    def learn_version(self) -> None:
        """Ask the server who it is and which version, and keep that; raises `Unreachable`."""
        server = offered.ask(self.own_conninfo)
        self.version, self.identifier = server.version, server.identifier
        self.save(update_fields=["version", "identifier"])

    def conninfo_for(self, database: str) -> str:
        """The connection string for one of its databases."""
        server = self.embedded
        return server.conninfo(database) if server else for_database(self.conninfo, database)
