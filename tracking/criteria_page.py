"""What the page of a pair's replication criteria shows: its rules, and the changes that are pending."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from django.db.models import Count, Q

from nodes import status, system_criteria
from nodes.models import CriteriaChange, CriteriaRule, StoragePool
from nodes.postgres.criteria import ELSEWHERE


def criteria_context(pools: dict[int, StoragePool]) -> dict[str, Any]:
    """What the partials of the page need."""
    rules = list(CriteriaRule.objects.filter(pool__in=pools))
    for rule in rules:
        rule.pool = pools[rule.pool_id]
    changes = [
        _shown(change, pools[change.pool_id], rules)
        for change in CriteriaChange.objects.filter(pool__in=pools)
    ]
    return {
        "pools": list(pools.values()),
        "rules": [_row(rule) for rule in rules] + _system_rows(list(pools.values()), rules),
        "changes": changes,
        "announcement": " ".join(f"{shown.change.label}: {shown.text}." for shown in changes),
    }


def counted(pools: Collection[int]) -> dict[str, int]:
    """How many rules of people are in force in these pools, and how many are pending, added or removed."""
    return CriteriaRule.objects.filter(pool__in=pools).aggregate(
        in_force=Count("id", ~Q(state="PENDING ADD")), pending=Count("id", ~Q(state="ACTIVE"))
    )


@dataclass(frozen=True)
class Row:
    """A line of the list; empty is all. `rule` is None for those of the system."""

    inclusion: str
    pool: str
    schema: str
    object_type: str
    name: str
    state: str = "ACTIVE"
    label: str = ""
    why: str = ""
    restricted: bool = False
    rule: CriteriaRule | None = None

    @property
    def in_no_schema(self) -> bool:
        """Whether what it is about is in no schema at all."""
        return self.object_type in (*ELSEWHERE, *system_criteria.ELSEWHERE)

    @property
    def kind(self) -> str:
        """By which the list is filtered."""
        if self.rule is None:
            return "system"
        return "user" if self.state == "ACTIVE" else "pending"


def _row(rule: CriteriaRule) -> Row:
    about = (rule.pool.asp_name, rule.schema, rule.object_type, rule.name)
    return Row(rule.inclusion, *about, state=rule.state, label=rule.label, rule=rule)


def _system_rows(pools: list[StoragePool], rules: list[CriteriaRule]) -> list[Row]:
    """A default of each pool, then what nobody overrides."""
    default = system_criteria.DEFAULT
    overridden = {
        rule.pool_id for rule in rules if rule.rule.scope == ("", "", "") and rule.state != "PENDING ADD"
    }
    rows = [
        Row(
            default.inclusion, pool.asp_name, "", "", "",
            why="overridden by a rule" if pool.pk in overridden else default.why,
        )
        for pool in pools
    ]  # fmt: skip
    return rows + [
        Row(rule.inclusion, "", rule.schema, rule.object_type, "", why=rule.why, restricted=True)
        for rule in system_criteria.RESTRICTED
    ]


@dataclass(frozen=True)
class Shown:
    """A pending change: where it stands, what it adds and removes, and what the engine has found."""

    change: CriteriaChange
    rules: list[CriteriaRule]
    state: status.Status
    refusals: list[str]

    @property
    def text(self) -> str:
        """Where it stands, for a screen reader as well."""
        return self.state.label

    @property
    def changing(self) -> int:
        """How many objects would be something else."""
        return len(self.change.preview["changes"]) + self.change.preview["more"]


def _shown(change: CriteriaChange, pool: StoragePool, rules: list[CriteriaRule]) -> Shown:
    change.pool = pool
    mine = [rule for rule in rules if (rule.pool_id, rule.label) == (pool.pk, change.label)]
    refusals = list((change.preview or {}).get("refusals", []))
    return Shown(change, mine, standing(change), refusals)


def standing(change: CriteriaChange) -> status.Status:
    """Who has to do what next, in words."""
    refusals = (change.preview or {}).get("refusals")
    if change.commit_asked:
        kind, text = "in-progress", f"Being committed{_until(change.pool)}"
    elif change.failure:
        kind, text = "failed", "The last commit was refused"
    elif change.preview is None:
        kind, text = "pending", f"The engine is looking at it{_until(change.pool)}"
    elif refusals and change.pool.step == change.pool.Step.NEW:
        kind, text = "failed", "The migration could not begin with it"
    elif refusals:
        kind, text = "failed", "Cannot be committed as it is"
    else:
        kind, text = "succeeded", "Can be committed"
    return status.Status("", text, kind)


def _until(pool: StoragePool) -> str:
    """What the engine waits for before it looks; nothing where it needs not wait."""
    if not pool.pair.attended:
        return ", once one works on this pair"
    if pool.step in (pool.Step.NEW, pool.Step.MIRRORED):
        return ""
    return ", once the tables have been handed over"
