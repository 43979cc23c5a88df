"""What has happened: messages, the append-only journal, and the changes of state that it is written with."""

import logging
from functools import partial

from django.db import models, transaction
from django.utils import timezone

from nodes import status
from nodes.models import FileRoot, Pair, StoragePool

_log = logging.getLogger("mwa.state")


class Message(models.Model):
    """What the engine says as it happens; `code` is the original system's number where it has one."""

    pair = models.ForeignKey(Pair, on_delete=models.CASCADE, related_name="messages")
    pool = models.ForeignKey(StoragePool, null=True, on_delete=models.CASCADE, related_name="messages")
    at = models.DateTimeField(default=timezone.now)
    code = models.CharField(max_length=8, blank=True)
    text = models.TextField()

    class Meta:
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"{self.code} {self.text}".strip()


class JournalEntry(models.Model):
    """An M9 entry, append-only: the database refuses to change or delete one.

    Type C is a change of a pool's replication state, type M of the migration's phase; `name` is the ASP
    for C, and MANAGER, OBJECT MIR, OBJECT RST or IFS RST for M. The pair's name is copied, so that the
    entry outlives the pair.
    """

    at = models.DateTimeField(default=timezone.now)
    pair_name = models.CharField(max_length=63)
    user = models.CharField(max_length=150, blank=True)
    entry_type = models.CharField(max_length=1)
    name = models.CharField(max_length=63)
    state = models.CharField(max_length=12)
    previous_state = models.CharField(max_length=12, blank=True)
    phase_detail = models.CharField(max_length=1, blank=True)
    reason = models.IntegerField(null=True)

    class Meta:
        ordering = ["-id"]
        verbose_name_plural = "journal entries"

    def __str__(self) -> str:
        return f"M9 {self.entry_type} {self.name} {self.previous_state} -> {self.state}"


def set_state(pool: StoragePool | FileRoot, state: str, detail: str, reason: int = 0, text: str = "") -> None:
    """Change a pool's or a file root's replication state, with its journal entry in the same transaction.

    An M9 entry of type C has no room for the detail: where only that changes, there is none.
    """
    text = text or status.REASONS.get(reason, "")
    if (pool.state, pool.detail, pool.reason, pool.reason_text) == (state, detail, reason, text):
        return
    with transaction.atomic():
        before = type(pool).objects.select_for_update().get(pk=pool.pk)
        if (before.state, before.detail, before.reason) != (state, detail, reason):
            pool.since = timezone.now()
            change = f"{before.standing} {before.reason or ''} -> {state} {detail} {reason or ''} {text}"
            recorded = {"pair": pool.pair_id, "place": pool, "said": " ".join(change.split())}
            transaction.on_commit(partial(_log.info, "%s: %s", pool, change, extra=recorded))
        pool.state, pool.detail, pool.reason, pool.reason_text = state, detail, reason, text
        pool.save(update_fields=["state", "detail", "reason", "reason_text", "since"])
        if (before.state, before.reason) != (state, reason):
            JournalEntry.objects.create(
                pair_name=pool.pair.name, entry_type="C", name=pool.asp_name,
                state=state, previous_state=before.state,
                reason=reason if state == "TRACKING" else None,
            )  # fmt: skip


def set_phase(pair: Pair, phase: str, detail: str, text: str = "") -> None:
    """Change a pair's migration phase, with its journal entry in the same transaction."""
    if (pair.phase, pair.phase_detail) == (phase, detail):
        if pair.detail_text != text:
            pair.detail_text = text
            pair.save(update_fields=["detail_text"])
        return
    with transaction.atomic():
        before = Pair.objects.select_for_update().get(pk=pair.pk).phase
        pair.phase, pair.phase_detail, pair.detail_text = phase, detail, text
        pair.save(update_fields=["phase", "phase_detail", "detail_text"])
        JournalEntry.objects.create(
            pair_name=pair.name, user=pair.asked_by, entry_type="M", name="MANAGER",
            state=phase, previous_state=before, phase_detail=detail,
        )  # fmt: skip
        said = f"Phase {before or 'none'} -> {phase or 'none'} {detail} {text}".strip()
        recorded = {"pair": pair.pk, "said": said}
        transaction.on_commit(partial(_log.info, "%s: %s", pair.name, said, extra=recorded))
