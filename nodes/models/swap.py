"""A role swap: who asks, who decides, and for which plan."""

import hashlib
import json

from django.conf import settings
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import models, transaction
from django.utils import timezone

from nodes import status

from .criteria import CriteriaRule
from .pair import Pair


class SwapRequest(models.Model):
    """A role swap: asked for by one, approved by another, for exactly the plan that was shown."""

    pair = models.ForeignKey(Pair, on_delete=models.CASCADE, related_name="swaps")
    state = models.CharField(max_length=10, choices=status.SWAP.choices, default="REQUESTED")
    plan = models.JSONField()
    digest = models.CharField(max_length=64)
    requested_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="requested_swaps"
    )
    requested_at = models.DateTimeField(default=timezone.now)
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="decided_swaps"
    )
    decided_at = models.DateTimeField(null=True)
    started_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)
    steps = models.JSONField(default=list)
    definitions = models.JSONField(default=dict)  # by pool: the new primary's last one before it opened
    failure = models.TextField(blank=True)

    class Meta:
        ordering = ["-id"]
        permissions = [("approve_swaprequest", "Can approve a role swap")]
        constraints = [
            models.UniqueConstraint(
                fields=["pair"],
                condition=models.Q(state__in=status.OPEN_SWAP),
                name="one_open_swap_per_pair",
            ),
            models.CheckConstraint(
                condition=models.Q(decided_by__isnull=True)
                | ~models.Q(decided_by=models.F("requested_by"))
                | models.Q(state="CANCELLED"),
                name="nobody_approves_his_own_swap",
            ),
        ]

    def __str__(self) -> str:
        return f"role swap {self.pk} of {self.pair}"

    @staticmethod
    def plan_for(pair: Pair) -> dict[str, object]:
        """What a swap of the pair would do now; an approval holds as long as this stays the same."""
        plan: dict[str, object] = {
            "pair": pair.name,
            "from": pair.primary.name,
            "to": pair.secondary.name,
            "databases": [pool.database for pool in pair.pools.all()],
            "budget_ms": pair.swap_budget_ms,
        }
        rules = CriteriaRule.objects.filter(pool__pair=pair).exclude(state="PENDING ADD")
        if roots := [f"{root.primary} -> {root.secondary}" for root in pair.file_roots.all()]:
            plan["files"] = roots
        if criteria := sorted(str(rule) for rule in rules.select_related("pool")):
            plan["criteria"] = criteria
        return plan

    @staticmethod
    def digest_of(plan: dict[str, object]) -> str:
        """A plan's fingerprint."""
        return hashlib.sha256(json.dumps(plan, sort_keys=True).encode()).hexdigest()

    @classmethod
    def request(cls, pair: Pair, user) -> "SwapRequest":
        """Ask for a swap; raises `ValidationError` where the pair is not ready for one."""
        with transaction.atomic():
            held = Pair.objects.select_for_update().get(pk=pair.pk)  # of two who ask at once one is second
            if why := held.in_the_way_of_swap():
                raise ValidationError(why)
            if held.swaps.filter(state__in=status.OPEN_SWAP).exists():
                raise ValidationError(f"a role swap of pair {pair.name} is already open")
            plan = cls.plan_for(held)
            return cls.objects.create(pair=held, plan=plan, digest=cls.digest_of(plan), requested_by=user)

    def approve(self, user, digest: str) -> None:
        """Approve the plan with this digest; raises `PermissionDenied` or `ValidationError`."""
        self._refuse_unless_approver(user, "approves")
        with transaction.atomic():
            held = SwapRequest.objects.select_for_update().get(pk=self.pk)
            if held.state != "REQUESTED":
                raise ValidationError(f"{self} is {held.get_state_display()}, not waiting for approval")
            if not held.digest == digest == self.digest_of(self.plan_for(held.pair)):
                raise ValidationError(f"the plan of {self} is not the one that was shown")
            self._decide(user, "APPROVED")
            Pair.objects.filter(pk=held.pair_id).update(asked_by=held.requested_by.username)

    def reject(self, user) -> None:
        """Turn an open request down; raises `PermissionDenied` or `ValidationError`."""
        self._refuse_unless_approver(user, "rejects")
        self._decide(user, "REJECTED")

    def cancel(self, user) -> None:
        """Withdraw one's own open request; raises `PermissionDenied` or `ValidationError`."""
        if user != self.requested_by:
            raise PermissionDenied(f"only {self.requested_by}, who asked for it, cancels {self}")
        self._decide(user, "CANCELLED")

    def _refuse_unless_approver(self, user, does: str) -> None:
        if user == self.requested_by:
            raise PermissionDenied(f"nobody {does} his own role swap")
        if not user.has_perm("nodes.approve_swaprequest"):
            raise PermissionDenied(f"{user} is not an approver")

    def _decide(self, user, state: str) -> None:
        """Only once: of two who decide at the same time one is told so."""
        changed = SwapRequest.objects.filter(pk=self.pk, state="REQUESTED").update(
            state=state, decided_by=user, decided_at=timezone.now()
        )
        if not changed:
            raise ValidationError(f"{self} is not waiting for approval any more")
        self.refresh_from_db()
