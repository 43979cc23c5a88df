"""The replication criteria list of a pool: pending changes are looked at, and made active when asked."""

from dataclasses import asdict

import psycopg
from psycopg import sql

from nodes.models import CriteriaChange, CriteriaRule, StoragePool
from nodes.postgres import catalog, criteria, criteria_change
from nodes.postgres.catalog import Table
from nodes.postgres.connect import Connection, connect, one
from nodes.postgres.criteria_change import Preview
from tracking.compare.table import compare_table

from . import newtables
from .poolruntime import PoolRuntime
from .say import say

_SHOWN = 200
_ANY_ROW = "select exists (select from only {})"


def step(runtime: PoolRuntime) -> None:
    """See to what people have asked; both nodes answer, and the pool has been handed over once."""
    pool = runtime.pool
    if not pool.criteria_asked:
        return
    route = runtime.route
    with (
        connect(route.primary_conninfo, "criteria") as primary,
        connect(route.secondary_conninfo, "criteria") as secondary,
    ):
        for change in pool.criteria_changes.to_do():
            change.pool = pool
            found = _look(primary, secondary, change)
            change.show(_as_data(found))
            if change.commit_asked and found.refusals:
                change.refuse("; ".join(found.refusals))
            elif change.commit_asked:
                with runtime.at("CRITERIA"):
                    criteria_change.activate(primary, secondary, change.proposed())
                    _settle(runtime, change)
    _seen_to(pool)


def look_ahead(runtime: PoolRuntime) -> None:
    """Before anything is on the nodes: what the pending changes would leave out."""
    pool = runtime.pool
    if not pool.criteria_asked:
        return
    with connect(runtime.route.primary_conninfo, "criteria") as primary:
        for change in pool.criteria_changes.to_do():
            change.pool = pool
            found = criteria_change.preview_before(primary, pool.active_criteria(), change.proposed())
            change.show(_as_data(found))
    _seen_to(pool)


def _seen_to(pool: StoragePool) -> None:
    """Nothing is asked any more, unless somebody has done so meanwhile."""
    undone = CriteriaChange.objects.to_do().filter(pool=pool)
    StoragePool.objects.exclude(criteria_changes__in=undone).filter(pk=pool.pk).update(criteria_asked=False)


def adopt(runtime: PoolRuntime) -> None:
    """A schema was renamed: the nodes have its rules under the new name as well, and now the portal has."""
    pool = runtime.pool
    for rule in set(criteria.read(runtime.primary())) - set(pool.active_criteria()):
        CriteriaRule.objects.create(
            pool=pool, schema=rule.schema, object_type=rule.object_type, name=rule.name,
            inclusion=rule.inclusion, state="ACTIVE",
        )  # fmt: skip


def _look(primary: Connection, secondary: Connection, change: CriteriaChange) -> Preview:
    """Its preview, with the tables whose rows differ refused as well; so is what a server objects to."""
    try:
        found = criteria_change.preview(primary, secondary, change.proposed())
    except psycopg.Error as error:
        if primary.closed or secondary.closed:
            raise
        return Preview([], [str(error).strip()], [])
    for schema, name in found.tables:
        there = catalog.table(secondary, schema, name)
        if there is not None and _has_others(primary, secondary, there):
            found.refusals.append(
                f"table {there} is on both nodes, and its rows differ;"
                " needed are the same rows on the secondary, or none"
            )
    return found


def _has_others(primary: Connection, secondary: Connection, table: Table) -> bool:
    """Whether the secondary's table has rows that would be lost."""
    if not one(secondary, sql.SQL(_ANY_ROW).format(table.identifier)):
        return False
    return compare_table(primary, secondary, (table.schema, table.name)).verdict != "equal"


def _settle(runtime: PoolRuntime, change: CriteriaChange) -> None:
    newtables.part(runtime)
    runtime.look_for_tables = True
    change.settle()
    say(runtime.pool.pair, f"Replication criteria '{change.label}' are active", "", runtime.pool)


def _as_data(found: Preview) -> dict[str, object]:
    return {
        "changes": [asdict(each) for each in found.changes[:_SHOWN]],
        "more": max(0, len(found.changes) - _SHOWN),
        "refusals": found.refusals,
    }
