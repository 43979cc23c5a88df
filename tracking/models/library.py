"""The library tracking list (LTL): definitions and other objects on their way to the secondary."""

from django.contrib.postgres.fields import ArrayField
from django.db import connection, models

from nodes import status
from nodes.models import StoragePool

from .entries import Entry

TABLE_TYPES = ("table", "foreign table")
_BY_HAND = ("FAILED", "INELIGIBLE")
_ON_ITS_WAY = ("PREPARING", "READY")


def waiting(prefix: str = "") -> models.Q:
    """What waits for somebody: it failed, was put off, or what it was could not be noted.

    While one that has failed is tried again, it still does.
    """

    def q(**conditions: object) -> models.Q:
        return models.Q(**{f"{prefix}{name}": value for name, value in conditions.items()})

    failed = q(state__in=_BY_HAND) | (q(state="MIGRATING") & ~q(failure=""))
    return q(done_at__isnull=True) & ~q(set_aside="OMITTED") & (failed | q(set_aside="DEFERRED"))


class DefinitionEntries(models.QuerySet):
    """The library tracking list."""

    def by_hand(self) -> "DefinitionEntries":
        """What waits for somebody."""
        return self.filter(waiting())

    def in_the_way(self) -> "DefinitionEntries":
        """Those of them without which no row can follow: of these nothing is known."""
        return self.by_hand().filter(state="INELIGIBLE")

    def in_turn(self) -> "DefinitionEntries":
        """In the order in which they are tried again."""
        return self.order_by(models.F("priority").asc(nulls_last=True), "number")


class DefinitionEntry(Entry):
    """A definition that was changed on the primary, until it is on the secondary (an entry of the LTL).

    Each change of an object has an entry. A later one that arrives takes the earlier ones that have failed
    off the list, if the object is then the same on both nodes.
    """

    pool = models.ForeignKey(StoragePool, on_delete=models.CASCADE, related_name="definition_entries")
    on_copy = models.BooleanField(default=False)  # which node's: the copy is the primary after a role swap
    number = models.BigIntegerField()  # its id in that node's mwa.definition_changes
    command = models.TextField()
    object_type = models.TextField(blank=True)
    schema_name = models.TextField(blank=True)
    identity = models.TextField(blank=True)
    state = models.CharField(max_length=10, choices=status.TRACKING_STATE.choices, default="INELIGIBLE")
    failure = models.TextField(blank=True)  # the secondary's message

    objects = DefinitionEntries.as_manager()

    class Meta:
        ordering = ["pool", "number"]
        constraints = [
            *Entry.Meta.constraints,
            models.UniqueConstraint(fields=["pool", "on_copy", "number"], name="definition_once"),
        ]

    def __str__(self) -> str:
        return f"{self.command} {self.identity}"

    @property
    def described(self) -> dict[str, str]:
        """As its history has it."""
        names = ("object_type", "schema_name", "identity", "command")
        return {name: getattr(self, name) for name in names}

    def refusal(self, act: str) -> str:
        """Without a table's definition its rows could not follow: that one is carried, by us or by hand."""
        if why := super().refusal(act):
            return why
        rows_need_it = self.object_type in TABLE_TYPES and not self.done_at
        if rows_need_it and (act in ("omit", "remove") or (act == "defer" and self.state in _ON_ITS_WAY)):
            return (
                f"'{self}' changes a table whose rows could not follow without it; needed is that it is"
                " carried, or carried by hand and ticked off"
            )
        return ""

    def _waits(self) -> bool:
        return self.done_at is None and self.set_aside != "OMITTED" and self.state in _BY_HAND

    def _can_be_tried(self) -> bool:
        put_off = self.set_aside == "DEFERRED" and self.state != "INELIGIBLE"
        return self.done_at is None and (put_off or (self.state == "FAILED" and not self.set_aside))

    def _is_held(self) -> bool:
        """On its way, and no stream that brings it at any moment."""
        return self.state in _ON_ITS_WAY and self.pool.detail == "SUSPENDED"

    def _can_be_omitted(self) -> bool:
        return self.done_at is None and self.set_aside != "OMITTED" and (self._waits() or self._is_held())

    def _can_be_deferred(self) -> bool:
        return self.done_at is None and not self.set_aside and (self.state == "FAILED" or self._is_held())

    ACTS = {
        "retry": (_can_be_tried, "one that has failed, or was deferred"),
        "done": (
            lambda self: self._waits() or (self.done_at is None and self.set_aside == "DEFERRED"),
            "one that waits for somebody",
        ),
        "omit": (
            _can_be_omitted,
            "one that waits for somebody, or is on its way while the pool is suspended",
        ),
        "defer": (_can_be_deferred, "one that has failed, or is on its way while the pool is suspended"),
        "restore": (Entry._is_omitted, "one that was omitted"),
        "prioritize": (lambda self: self._waits() and self.state == "FAILED", "one that has failed"),
        "remove": (
            lambda self: self.state in _BY_HAND,
            "one that has failed, or is to be carried by hand",
        ),
    }


class OtherObject(Entry):
    """An object that no event trigger sees and that differs between the nodes (an entry of the LTL).

    It is on the list as long as it differs: it is omitted, not removed.
    """

    pool = models.ForeignKey(StoragePool, on_delete=models.CASCADE, related_name="other_objects")
    object_type = models.TextField()
    library = models.TextField(blank=True)
    name = models.TextField(blank=True)
    change = models.TextField()
    why = models.TextField(blank=True)  # what is to be done by hand, or the server's message
    size = models.BigIntegerField(null=True)
    key = ArrayField(models.TextField(), default=list)  # of what was carried in vain, with its contents then
    seen = models.TextField(blank=True)

    class Meta:
        ordering = ["pool", "object_type", "library", "name"]
        constraints = [
            *Entry.Meta.constraints,
            models.UniqueConstraint(
                fields=["pool", "object_type", "library", "name"], name="other_object_once"
            ),
        ]

    def __str__(self) -> str:
        where = f"{self.library}." if self.library else ""
        return f"{self.object_type} {where}{self.name}"

    @property
    def what(self) -> tuple[str, str, str]:
        """What it is known by within its pool."""
        return self.object_type, self.library, self.name

    @property
    def described(self) -> dict[str, str]:
        """As its history has it; an unlogged table is a table there."""
        return {
            "object_type": self.object_type.lower().removeprefix("unlogged "),
            "schema_name": self.library,
            "identity": _quoted(self.library, self.name) if self.library else self.name,
            "command": self.change,
        }

    def _is_open(self) -> bool:
        return self.done_at is None and self.state != "MIGRATING"

    def _can_be_tried(self) -> bool:
        failed = self.state == "FAILED" or bool(self.seen)  # also what was carried in vain
        return self._is_open() and (self.set_aside == "DEFERRED" or (failed and not self.set_aside))

    ACTS = {
        "retry": (_can_be_tried, "one that has failed, or was deferred"),
        "done": (
            lambda self: self._is_open() and self.state == "INELIGIBLE" and not self.set_aside,
            "one that is to be done by hand",
        ),
        "omit": (
            lambda self: self._is_open() and self.set_aside != "OMITTED",
            "one that is not under way, ticked off or omitted",
        ),
        "defer": (
            lambda self: self._is_open() and not self.set_aside and self.state != "INELIGIBLE",
            "one that is not under way, ticked off, for hands or set aside",
        ),
        "restore": (Entry._is_omitted, "one that was omitted"),
        "prioritize": (
            lambda self: self._is_open() and self.state != "INELIGIBLE" and self.set_aside != "OMITTED",
            "one that is carried by us and not under way",
        ),
    }


def _quoted(*names: str) -> str:
    """A name as PostgreSQL writes it: in quotes where that is needed."""
    with connection.cursor() as cursor:
        cursor.execute("select string_agg(quote_ident(n), '.') from unnest(%s::text[]) n", (list(names),))
        return cursor.fetchone()[0]
