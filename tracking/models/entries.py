"""What the entries of the library tracking list have in common, and what people may do with one."""

from collections.abc import Callable

from django.core.exceptions import ValidationError
from django.db import models, transaction
from django.utils import timezone

from nodes import status
from nodes.models import StoragePool

from .history import Attempt

_HIGHEST, _LOWEST = 0, 32_767


class Entry(models.Model):
    """An entry of the library tracking list.

    What is set aside is not carried: OMITTED for good, and nobody is waited for; DEFERRED until somebody has
    it tried, and in the way of a role swap until then.
    """

    pool: StoragePool
    state = models.CharField(max_length=10, choices=status.TRACKING_STATE.choices)
    tracked_at = models.DateTimeField(default=timezone.now)
    started_at = models.DateTimeField(null=True)  # of the attempt that is under way
    failure_job = models.TextField(blank=True)  # who made the latest attempt that has failed
    priority = models.PositiveSmallIntegerField(null=True)  # 0 is first; null: after those with one
    retry_asked = models.BooleanField(default=False)
    asked_by = models.CharField(max_length=150, blank=True)
    set_aside = models.CharField(max_length=8, choices=status.SET_ASIDE.choices, blank=True)
    set_aside_at = models.DateTimeField(null=True)
    set_aside_by = models.CharField(max_length=150, blank=True)
    done_at = models.DateTimeField(null=True)
    done_by = models.CharField(max_length=150, blank=True)

    # What may be done: whether it is possible now, and what is needed, in words.
    ACTS: dict[str, tuple[Callable[..., bool], str]] = {}

    class Meta:
        abstract = True
        constraints = [
            models.CheckConstraint(
                condition=models.Q(started_at__isnull=True) | models.Q(state="MIGRATING"),
                name="%(class)s_started_only_while_migrating",
            )
        ]

    @property
    def standing(self) -> str:
        """How it stands, in words."""
        if self.done_at:
            return f"ticked off by {self.done_by}"
        if self.set_aside:
            return f"{self.state} and {self.set_aside} by {self.set_aside_by}"
        return self.state

    def offered(self) -> list[str]:
        """What may be done with it now."""
        return [act for act in self.ACTS if not self.refusal(act)]

    def refusal(self, act: str) -> str:
        """Why that may not be done now, with what is seen and what is needed; empty where it may."""
        if act not in self.ACTS:
            return f"'{act}' was asked of '{self}'; needed is one of {', '.join(self.ACTS)}"
        possible, needed = self.ACTS[act]
        if not possible(self):
            return f"'{self}' is {self.standing}; needed is {needed}"
        return "" if act in ("retry", "done") else self.pool.being_worked_off()

    def act(self, act: str, username: str, value: str = "") -> None:
        """Do it once; raises `ValidationError` where it may not be done (any more)."""
        with transaction.atomic():
            held = type(self).objects.select_for_update().filter(pk=self.pk).first()
            if held is None:
                raise ValidationError(f"'{self}' is not on the list any more")
            held.do(act, username, value)

    def do(self, act: str, username: str, value: str = "") -> None:
        """The same with an entry that the caller's transaction has locked."""
        if why := self.refusal(act):
            raise ValidationError(why)
        getattr(self, f"_{act}")(username, value)

    def tick_off(self, username: str) -> None:
        """Note who has carried it by hand; raises `ValidationError` where nobody has to, or somebody has."""
        self.act("done", username)

    def retry(self, username: str = "") -> None:
        """Have it tried once more; raises `ValidationError` where there is nothing to be tried."""
        self.act("retry", username)

    def _is_omitted(self) -> bool:
        return self.done_at is None and self.set_aside == "OMITTED"

    def _retry(self, username: str, _: str) -> None:
        state = "READY" if self.state == "PREPARING" else self.state
        self._change(retry_asked=True, asked_by=username, set_aside="", state=state)

    def _done(self, username: str, _: str) -> None:
        self._change(done_at=timezone.now(), done_by=username, set_aside="")
        Attempt.note(self, "BY HAND", by=username)

    def _omit(self, username: str, _: str) -> None:
        self._put_aside("OMITTED", username)

    def _defer(self, username: str, _: str) -> None:
        if self.state == "READY":
            self._change(state="PREPARING")
        self._put_aside("DEFERRED", username)

    def _restore(self, username: str, _: str) -> None:
        self._retry(username, "")
        Attempt.note(self, "RESTORED", by=username)

    def _prioritize(self, username: str, value: str) -> None:
        if value and not (value.isdecimal() and _HIGHEST <= int(value) <= _LOWEST):
            raise ValidationError(
                f"'{value}' was given as the priority of '{self}'; needed is a number from {_HIGHEST}, the"
                f" highest, to {_LOWEST}, or nothing"
            )
        self._change(priority=int(value) if value else None)

    def _remove(self, username: str, _: str) -> None:
        Attempt.note(self, "REMOVED", by=username, message=self.standing)
        self.delete()

    def _put_aside(self, how: str, username: str) -> None:
        now = timezone.now()
        self._change(set_aside=how, set_aside_at=now, set_aside_by=username, retry_asked=False)
        Attempt.note(self, how, by=username)

    def _change(self, **values) -> None:
        type(self).objects.filter(pk=self.pk).update(**values)
        for name, value in values.items():
            setattr(self, name, value)
