"""The IFS tracking list and its history; others write the lists (ifs/list.sql)."""

from collections.abc import Callable

from django.core.exceptions import ValidationError
from django.db import connection, models, transaction
from django.utils import timezone

from nodes import status
from nodes.models import FileRoot
from tracking.ifs.paths import shown


class FileChanges(models.QuerySet["FileChange"]):
    """Entries of the IFS tracking list."""

    def left(self) -> "FileChanges":
        """Those that wait for somebody: they have failed, or were deferred."""
        return self.filter(models.Q(state="FAILED", set_aside="") | models.Q(set_aside="DEFERRED"))


class FileChange(models.Model):
    """An entry of the IFS tracking list; the tracker lists it, whoever carries takes it off.

    What is set aside is not carried: OMITTED for good, and nobody is waited for; DEFERRED until somebody has
    it tried, and in the way of a role swap until then.
    """

    root = models.ForeignKey(FileRoot, on_delete=models.DO_NOTHING, related_name="changes")
    turn = models.BigIntegerField()
    path = models.BinaryField()
    walk = models.BooleanField()
    reason = models.TextField()
    changes = models.BigIntegerField()
    tries = models.IntegerField()
    first_tracked_at = models.DateTimeField()
    state = models.CharField(max_length=10, choices=status.TRACKING_STATE.choices)
    object_type = models.TextField()
    started_at = models.DateTimeField(null=True)
    failure = models.TextField()
    failure_job = models.TextField()
    set_aside = models.CharField(max_length=8, choices=status.SET_ASIDE.choices)
    set_aside_at = models.DateTimeField(null=True)
    set_aside_by = models.TextField()

    objects = FileChanges.as_manager()

    class Meta:
        managed = False
        db_table = "tracking_filechange"
        ordering = ["root", "turn"]

    def __str__(self) -> str:
        return shown(bytes(self.path))

    @property
    def standing(self) -> str:
        """How it stands, in words."""
        return f"{self.state} and {self.set_aside} by {self.set_aside_by}" if self.set_aside else self.state

    def offered(self) -> list[str]:
        """What may be done with it now."""
        return [act for act in self.ACTS if not self.refusal(act)]

    def refusal(self, act: str) -> str:
        """Why that may not be done now, with what is seen and what is needed; empty where it may."""
        if act not in self.ACTS:
            return f"'{act}' was asked of '{self}'; needed is one of {', '.join(self.ACTS)}"
        possible, needed = self.ACTS[act]
        return "" if possible(self) else f"'{self}' is {self.standing}; needed is {needed}"

    def act(self, act: str, username: str) -> None:
        """Do it once; raises `ValidationError` where it may not be done (any more)."""
        with transaction.atomic():
            held = FileChange.objects.select_for_update().filter(pk=self.pk).first()
            if held is None:
                raise ValidationError(f"'{self}' is not on the list any more")
            held.do(act, username)

    def do(self, act: str, username: str, value: str = "") -> None:
        """The same with an entry that the caller's transaction has locked; none of the acts has a value."""
        if why := self.refusal(act):
            raise ValidationError(why)
        getattr(self, f"_{act}")(username)

    def _can_be_tried(self) -> bool:
        return self.set_aside == "DEFERRED" or (self.state == "FAILED" and not self.set_aside)

    def _is_omitted(self) -> bool:
        return self.set_aside == "OMITTED"

    def _can_be_omitted(self) -> bool:
        return self.state != "MIGRATING" and not self._is_omitted()

    def _can_be_deferred(self) -> bool:
        return self.state != "MIGRATING" and not self.set_aside

    def _can_be_removed(self) -> bool:
        return self.state in ("FAILED", "INELIGIBLE")

    def _retry(self, username: str) -> None:
        self._put_aside("", username)
        with connection.cursor() as cursor:
            cursor.execute(_NOW, [self.pk])

    _restore = _retry

    def _omit(self, username: str) -> None:
        self._put_aside("OMITTED", username)

    def _defer(self, username: str) -> None:
        self._put_aside("DEFERRED", username)

    def _remove(self, username: str) -> None:
        self.delete()

    def _put_aside(self, how: str, username: str) -> None:
        FileChange.objects.filter(pk=self.pk).update(
            set_aside=how, set_aside_at=timezone.now() if how else None, set_aside_by=username if how else ""
        )

    # What may be done: whether it is possible now, and what is needed, in words.
    ACTS: dict[str, tuple[Callable[["FileChange"], bool], str]] = {
        "retry": (_can_be_tried, "one that has failed, or was deferred"),
        "restore": (_is_omitted, "one that was omitted"),
        "omit": (_can_be_omitted, "one that is neither under way nor omitted"),
        "defer": (_can_be_deferred, "one that is neither under way nor set aside"),
        "remove": (_can_be_removed, "one that has failed, or cannot be carried"),
    }


class FileWatch(models.Model):
    """Who watches a root, and how; written by the tracker."""

    root = models.OneToOneField(FileRoot, on_delete=models.DO_NOTHING, primary_key=True, related_name="watch")
    way = models.TextField()
    state = models.TextField()
    reason = models.TextField()
    directories = models.BigIntegerField()
    unwatched = models.BigIntegerField()
    listed_at = models.DateTimeField()

    class Meta:
        managed = False
        db_table = "tracking_filewatch"

    def __str__(self) -> str:
        return f"{self.way} {self.state}"


class MigratedFile(models.Model):
    """A path that has been carried, with its latest success (as in MIGRATED_IFS)."""

    root = models.ForeignKey(FileRoot, on_delete=models.DO_NOTHING, related_name="migrated")
    path = models.BinaryField()
    object_type = models.TextField()
    tracked_at = models.DateTimeField()
    started_at = models.DateTimeField()
    ended_at = models.DateTimeField()
    size = models.BigIntegerField(null=True)
    count = models.IntegerField()

    class Meta:
        managed = False
        db_table = "tracking_migratedfile"
        ordering = ["-ended_at"]

    def __str__(self) -> str:
        return shown(bytes(self.path))


_NOW = """
    update tracking_filechange set not_before = '-infinity', state = 'READY'
    where id = %s and state <> 'MIGRATING'
"""
