"""Compares: what is running, when the next one is due, and what was found; or one of them in full.

Which of these is shown is in the parameters of the address: ?run=, ?files= and ?result= name one.
"""

from typing import Any

from django.db.models import QuerySet

from tracking.compare_tables import FileRunTable, RunTable
from tracking.models import CompareRun, CompareSchedule, FileCompare

from . import compared
from .view import PairView

TAKES = frozenset({"run", "files", "result", "verdict", "name", "after", "before", "before_files"})
_PAGE = 20


def context(view: PairView) -> dict[str, Any]:
    """What its partials need."""
    for parameter, shows in (
        ("result", compared.result), ("run", compared.run), ("files", compared.files),
    ):  # fmt: skip
        if parameter in view.query:
            return {"shows": parameter, "pools": view.pool_list, **shows(view)}
    return {"shows": "list", "pools": view.pool_list, **_current(view), **_history(view)}


def _current(view: PairView) -> dict[str, Any]:
    """What has been asked for and has not ended, and the schedule."""
    runs = view.with_pool(CompareRun.objects.filter(pool__in=view.pools, ended_at=None).order_by("pk"))
    roots = {root.pk: root for root in view.roots}
    files = list(FileCompare.objects.filter(root__in=roots, ended_at=None).order_by("pk"))
    for each in files:
        each.root = roots[each.root_id]
    schedule = CompareSchedule.objects.filter(pair=view.pair).first()
    if schedule:
        schedule.pair = view.pair
    return {
        "running": runs,
        "running_files": files,
        "schedule": schedule,
        "overdue": schedule.waits_for(view.now) if schedule else "",
        "startable": any(each.replicating for each in view.mirrored),
        "last_scheduled": _last_scheduled(view) if schedule else None,
    }


def _last_scheduled(view: PairView) -> CompareRun | None:
    done = CompareRun.objects.filter(pool__in=view.pools, why=CompareRun.Why.SCHEDULE, ended_at__isnull=False)
    return next(iter(view.with_pool(done[:1])), None)


def _history(view: PairView) -> dict[str, Any]:
    runs = CompareRun.objects.filter(pool__in=view.pools, ended_at__isnull=False)
    roots = {root.pk: root for root in view.roots}
    files = FileCompare.objects.filter(root__in=roots, ended_at__isnull=False)
    shown_runs, more_runs = _paged(runs, view.query.get("before"))
    shown_files, more_files = _paged(files, view.query.get("before_files"))
    for each in shown_files:
        each.root = roots[each.root_id]
    return {
        "run_table": RunTable(view.with_pool(shown_runs), pair=view.pair.name, exclude=view.nameless),
        "file_run_table": FileRunTable(shown_files, pair=view.pair.name) if roots else None,
        "more_runs": more_runs,
        "more_files": more_files,
        "paged": bool({"before", "before_files"} & view.query.keys()),
    }


def _paged(found: QuerySet, before: str | None) -> tuple[list[Any], int | None]:
    """One page, the newest first, and the key that the next page begins behind."""
    if (number := compared.number(before)) is not None:
        found = found.filter(pk__lt=number)
    rows = list(found.defer("differences")[: _PAGE + 1] if found.model is FileCompare else found[: _PAGE + 1])
    return rows[:_PAGE], rows[_PAGE - 1].pk if len(rows) > _PAGE else None
