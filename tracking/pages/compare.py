"""Compares: the latest with what is not equal, and which pools can be compared now."""

from collections.abc import Collection
from typing import Any

from django.db.models import Count, Sum

from nodes import status
from tracking.models import CompareResult, CompareRun

from .view import PairView

_RUNS, _UNEQUAL = 3, 20


def context(view: PairView) -> dict[str, Any]:
    """What its partials need."""
    runs = view.with_pool(_runs(view.pools))
    comparing = {run.pool_id for run in runs if not run.ended_at}
    free = [pool for pool in view.pool_list if pool.replicating and pool.pk not in comparing]
    return {"runs": runs, "comparable": free if view.viewer.operate else []}


def _runs(pools: Collection[int]) -> list[CompareRun]:
    """The latest compares with their counts, and the first tables that are not equal."""
    runs = list(CompareRun.objects.filter(pool__in=pools)[:_RUNS])
    results = CompareResult.objects.filter(run__in=runs)
    counted = results.order_by().values_list("run", "verdict").annotate(Count("id"), Sum("rows"))
    told = {(run, verdict): (tables, rows) for run, verdict, tables, rows in counted}
    for run in runs:
        run.verdicts = [
            (status.VERDICT[verdict], told[run.pk, verdict][0])
            for verdict, _ in status.VERDICT.choices
            if (run.pk, verdict) in told
        ]
        run.rows = sum(rows for (number, _), (_, rows) in told.items() if number == run.pk)
        unequal = results.filter(run=run).exclude(verdict="EQUAL").order_by("verdict", "schema", "name")
        run.unequal = unequal[:_UNEQUAL]
        run.untold = max(0, sum(n for found, n in run.verdicts if found.value != "EQUAL") - _UNEQUAL)
    return runs
