"""One compare in full: its tables by verdict, the rows of one of them side by side, the paths of a root."""

from typing import Any

from django.db.models import Case, Count, IntegerField, Q, QuerySet, Value, When

from nodes import status
from nodes.models import Node
from tracking.compare.sides import sides
from tracking.compare_tables import ResultTable, occasion
from tracking.models import CompareResult, CompareRun, FileCompare

from .view import PairView

_PAGE = 50
_ROWS = 25  # a row may have hundreds of columns
_LARGEST = 2**63 - 1
_RANK = Case(
    *(When(verdict=verdict, then=Value(n)) for n, (verdict, _) in enumerate(status.VERDICT.choices)),
    output_field=IntegerField(),
)


def number(given: str | None) -> int | None:
    """A key as an address has it; None where it is none."""
    if given is None or not (given.isascii() and given.isdecimal()) or len(given) > 19:
        return None
    return int(given) if int(given) <= _LARGEST else None


def run(view: PairView) -> dict[str, Any]:
    """A compare with its tables: those that differ first."""
    found = CompareRun.objects.filter(pool__in=view.pools, pk=number(view.query["run"])).first()
    if found is None:
        return {"compare": None}
    view.with_pool([found])
    results = found.results.order_by()
    counted = dict(results.values_list("verdict").annotate(Count("id")))
    results = _filtered(results, view)
    rows, more = _page(results, number(view.query.get("after")))
    return {
        "compare": found,
        "occasion": occasion(found),
        "verdicts": _counts(counted),
        "result_table": ResultTable(rows, pair=view.pair.name),
        "more": more,
        **_filter(view),
    }


def result(view: PairView) -> dict[str, Any]:
    """A table with the rows that differ, side by side."""
    results = CompareResult.objects.filter(run__pool__in=view.pools, pk=number(view.query["result"]))
    found = results.select_related("run").first()
    if found is None:
        return {"compare": None}
    view.with_pool([found.run])
    kept = found.differences
    first = min(number(view.query.get("after")) or 0, len(kept))
    rows = [(place, sides(kept[place])) for place in range(first, min(first + _ROWS, len(kept)))]
    latest = CompareResult.objects.filter(
        run__pool=found.run.pool_id, schema=found.schema, name=found.name, pk__gt=found.pk
    )
    return {
        "compare": found.run,
        "occasion": occasion(found.run),
        "result": found,
        "rows": rows,
        "nodes": _nodes_then(view, found.run),
        "first": first,
        "last": first + len(rows),
        "kept": len(kept),
        "keyed": bool(kept) and kept[0].get("key") is not None,
        "more": first + _ROWS if len(kept) > first + _ROWS else None,
        "can_repeat": view.viewer.operate and found.run.pool.replicating,
        "later": latest.select_related("run").order_by("-pk").first(),
    }


def _nodes_then(view: PairView, compare: CompareRun) -> tuple[Node, Node]:
    """Primary and secondary when it was compared: each role swap since then has exchanged them."""
    swapped = view.pair.swaps.filter(state="COMPLETE", ended_at__gt=compare.asked_at).count()
    now = view.pair.primary, view.pair.secondary
    return now[::-1] if swapped % 2 else now


def files(view: PairView) -> dict[str, Any]:
    """A compare of a root with what differs."""
    roots = {root.pk: root for root in view.roots}
    found = FileCompare.objects.filter(root__in=roots, pk=number(view.query["files"])).first()
    if found is None:
        return {"compare": None}
    found.root = roots[found.root_id]
    wanted = view.query.get("name", "").casefold()
    rows = [row for row in found.differences if wanted in str(row.get("path", "")).casefold()]
    return {
        "compare": found,
        "occasion": occasion(found),
        "rows": rows,
        "kept": len(found.differences),
        **_filter(view),
    }


def _counts(counted: dict[str, int]) -> list[tuple[status.Status, int]]:
    return [
        (status.VERDICT[verdict], counted[verdict])
        for verdict, _ in status.VERDICT.choices
        if verdict in counted
    ]


def _filter(view: PairView) -> dict[str, Any]:
    """What the form of the filter shows."""
    return {
        "filter_verdict": view.query.get("verdict", ""),
        "filter_name": view.query.get("name", ""),
        "filter_verdicts": status.VERDICT.choices,
    }


def _filtered(results: QuerySet, view: PairView) -> QuerySet:
    verdict, name = view.query.get("verdict", ""), view.query.get("name", "").replace("\0", "")
    if verdict in dict(status.VERDICT.choices):
        results = results.filter(verdict=verdict)
    if name:
        schema, dot, table = name.partition(".")
        both = Q(schema__iexact=schema, name__icontains=table) if dot else Q()
        results = results.filter(both | Q(name__icontains=name) | Q(schema__icontains=name))
    return results


def _page(results: QuerySet, after: int | None) -> tuple[list[CompareResult], int | None]:
    """One page by verdict, schema and name, behind the table `after`, and where the next one begins."""
    ranked = results.defer("differences").annotate(rank=_RANK).order_by("rank", "schema", "name", "pk")
    last = ranked.filter(pk=after).first() if after is not None else None
    if last is not None:
        same = Q(rank=last.rank)
        ranked = ranked.filter(
            Q(rank__gt=last.rank)
            | same & Q(schema__gt=last.schema)
            | same & Q(schema=last.schema, name__gt=last.name)
        )
    rows = list(ranked[: _PAGE + 1])
    return rows[:_PAGE], rows[_PAGE - 1].pk if len(rows) > _PAGE else None
