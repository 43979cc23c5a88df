"""What people ask of a node of a pool; the engine does it within about a second, and says what came of it."""

from datetime import datetime, timedelta

from django.core.exceptions import ValidationError
from django.db import IntegrityError, models, transaction
from django.utils import timezone

from nodes import status
from nodes.models import Pair, StoragePool

from .nodejobs import NodeJobs, one_of

TIMELY = timedelta(seconds=30)  # what the engine has not come to by then is not done any more
_KEPT = 50  # requests of a pool
_CONTROL_POINTS_SINCE = 16  # PostgreSQL's function for it


class NodeRequest(models.Model):
    """A control point to be forced on the primary, or a session to be ended on one of the nodes."""

    class Kind(models.TextChoices):
        CONTROL_POINT = "CONTROL", "Force a control point"
        END_SESSION = "END", "End a session"

    pool = models.ForeignKey(StoragePool, on_delete=models.CASCADE, related_name="node_requests")
    kind = models.CharField(max_length=8, choices=Kind)
    role = models.CharField(max_length=9, choices=NodeJobs.Role)
    pid = models.IntegerField(default=0)  # 0: it is about no session
    session_began = models.DateTimeField(null=True)
    about = models.TextField(blank=True)  # the session, as whoever asked has seen it
    asked_at = models.DateTimeField(default=timezone.now)
    asked_by = models.CharField(max_length=150)
    done_at = models.DateTimeField(null=True)
    done = models.BooleanField(default=False)
    answer = models.TextField(blank=True)

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["pool", "kind", "role", "pid"], condition=models.Q(done_at=None),
                name="nothing_is_asked_of_a_node_twice",
            )
        ]  # fmt: skip

    def __str__(self) -> str:
        return f"{self.get_kind_display()} of {self.pool}"

    @classmethod
    def control_point(cls, pool: StoragePool, by: str) -> None:
        """Have the primary write its running transactions into its log now; raises `ValidationError`."""
        if why := in_the_way_of_control_point(pool, swapping=_swapping(pool.pair)):
            raise ValidationError(why)
        cls._ask(pool, by, kind=cls.Kind.CONTROL_POINT, role=NodeJobs.Role.PRIMARY)

    @classmethod
    def end_session(cls, pool: StoragePool, role: str, pid: int, session_began: datetime, by: str) -> None:
        """Have a session ended that is in the way of the pool, and no other; raises `ValidationError`."""
        if why := unattended(pool.pair, swapping=_swapping(pool.pair)):
            raise ValidationError(why)
        found = one_of(pool, role, pid, session_began)
        if found is None:
            raise ValidationError(
                f"pid {pid} is not in the way of pool {pool} any more, needed is a session that is"
            )
        about = f"pid {pid} ({found['user']}, {found['application'] or 'no name'})"
        cls._ask(
            pool, by, kind=cls.Kind.END_SESSION, role=role, pid=pid, session_began=session_began, about=about
        )

    @classmethod
    def _ask(cls, pool: StoragePool, by: str, **values: object) -> None:
        cls.objects.filter(pool=pool, done_at=None, asked_at__lt=timezone.now() - TIMELY).update(
            done_at=timezone.now(), answer=f"no engine came to it within {TIMELY.seconds} s"
        )
        try:
            with transaction.atomic():
                made = cls.objects.create(pool=pool, asked_by=by, **values)
        except IntegrityError:
            raise ValidationError(f"this was asked of pool {pool} already, and is being done") from None
        kept = cls.objects.filter(pool=pool, pk__lte=made.pk).values_list("pk", flat=True)[:_KEPT]
        cls.objects.filter(pool=pool, pk__lt=min(kept)).delete()

    def end(self, answer: str, *, done: bool) -> None:
        """What came of it."""
        self.done_at, self.answer, self.done = timezone.now(), answer, done
        self.save(update_fields=["done_at", "answer", "done"])


def in_the_way_of_control_point(pool: StoragePool, *, swapping: bool) -> str:
    """Why none can be forced or would change anything; empty where it makes sense."""
    primary = pool.pair.primary
    if why := unattended(pool.pair, swapping=swapping):
        return why
    if not pool.step:
        return f"pool {pool} has no replication slot yet, and nothing else reads control points"
    if pool.reason == 226:
        return f"{primary} does not answer, needed is that it does"
    if primary.version and primary.version < _CONTROL_POINTS_SINCE:
        return f"{primary} is PostgreSQL {primary.version}, needed is {_CONTROL_POINTS_SINCE} or newer"
    return ""


def unattended(pair: Pair, *, swapping: bool) -> str:
    """Why no engine can do anything on the nodes of a pair now; empty where one can."""
    if pair.goal == Pair.Goal.REMOVED:
        return f"pair {pair} is being removed"
    if not pair.attended:
        return f"no engine works on pair {pair}, needed is one"
    if swapping:
        return f"a role swap of pair {pair} is running, needed is that it has ended"
    return ""


def _swapping(pair: Pair) -> bool:
    return pair.swaps.filter(state__in=status.BUSY_SWAP).exists()
