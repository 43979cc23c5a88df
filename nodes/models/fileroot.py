"""A tree of files of a pair, with its replication state and figures."""

from pathlib import Path

from django.core.exceptions import ValidationError
from django.db import models

from .mirrored import Mirrored
from .pair import Pair
from .pool import StoragePool


class FileRoot(Mirrored):
    """A directory on the source and one on the copy, kept equal from the primary to the secondary.

    `query` returns the paths that rows point to, relative to the root or absolute: in a role swap each has to
    be there. What was carried up to `compared_turn` has been proved equal by content. The inodes are those of
    both directories when tracking began: a file system that is not mounted must not look like an empty one.
    """

    pair = models.ForeignKey(Pair, on_delete=models.CASCADE, related_name="file_roots")
    number = models.PositiveSmallIntegerField(default=1)
    source = models.TextField()
    copy = models.TextField()
    exclusions = models.TextField(blank=True)  # patterns as in .gitignore, one a line
    query = models.TextField(blank=True)
    query_pool = models.ForeignKey(StoragePool, null=True, blank=True, on_delete=models.SET_NULL)
    source_inode = models.BigIntegerField(null=True, editable=False)
    copy_inode = models.BigIntegerField(null=True, editable=False)
    copied_at = models.DateTimeField(null=True, editable=False)  # the end of the first copy
    compared_turn = models.BigIntegerField(null=True, editable=False)  # of the history of carried files
    files_copied = models.BigIntegerField(default=0)  # by the first copy
    bytes_copied = models.BigIntegerField(default=0)
    changes_carried = models.BigIntegerField(default=0)

    class Meta:
        ordering = ["pair", "number"]
        constraints = [
            models.UniqueConstraint(fields=["pair", "number"], name="file_root_number_once"),
            models.UniqueConstraint(fields=["pair", "source"], name="file_root_source_once"),
            models.UniqueConstraint(fields=["pair", "copy"], name="file_root_copy_once"),
        ]

    def __str__(self) -> str:
        return self.source

    @property
    def asp_name(self) -> str:
        """What it is called in the journal; ours, for the original has one tree."""
        return f"IFS {self.number}"

    @property
    def patterns(self) -> tuple[str, ...]:
        """What is left out."""
        return tuple(line for line in self.exclusions.splitlines() if line.strip())

    @property
    def primary(self) -> Path:
        """The directory that applications write to."""
        return Path(self.copy if self.pair.swapped else self.source)

    @property
    def secondary(self) -> Path:
        """The directory that follows."""
        return Path(self.source if self.pair.swapped else self.copy)

    def clean(self) -> None:
        """Raises `ValidationError` where the pair's stage is too far for another root."""
        if self._state.adding and self.pair.stage == "CUTOVER":
            raise ValidationError(f"a role swap of pair {self.pair} is running; a root can be added after it")
