"""What is known before a role swap beyond what is in its way, and how long nobody is expected to write.

These figures do not refuse a swap: it looks at most of them itself when it begins, and gives up by itself.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from statistics import median

from django.db.models import Q, Sum
from django.utils import timezone

from mwaportal import shown
from nodes import status
from nodes.models import FileRoot, Pair, StoragePool, SwapRequest
from nodes.swap_checks import OK, UNKNOWN, WARNING, SwapCheck

from .models import CompareRun, FileCompare, Inventory, ObjectCount, OtherObject

_FRESH = timedelta(seconds=15)
_LAST_SWAPS = 5
# What an attended swap waits through with the primary closed; the others run beside these, or outside.
_CLOSED = ("fence", "proof from the stream", "drain", "compare", "open")


def notes(pair: Pair) -> Iterator[SwapCheck]:
    """The checks that warn: each is worth a look, and none of them refuses a request."""
    yield _engine(pair)
    inventories = {each.pool_id: each for each in Inventory.objects.filter(pool__pair=pair)}
    for pool in pair.pools.all():
        yield _nodes_answer(pool)
        yield _others(pool)
        yield _compared(pool)
        yield _way_back(pool, inventories.get(pool.pk))
    yield _sequences(pair)
    for root in pair.file_roots.all():
        yield _files_compared(root)


def _engine(pair: Pair) -> SwapCheck:
    needed = "an engine holds the lease"
    if pair.attended:
        return SwapCheck("Engine", f"{pair.lease_owner.partition(':')[0]} holds the lease", needed)
    way_out = "Start an engine (manage.py serve, or runworker): an approved swap waits for one for 60 s"
    return SwapCheck("Engine", "no engine holds the lease", needed, WARNING, way_out=way_out)


def _nodes_answer(pool: StoragePool) -> SwapCheck:
    name, needed = f"Both nodes of {pool} answer", "both, within the last 15 s"
    at = pool.measured_at
    if pool.reason in (226, 266):
        said = status.REASONS[pool.reason]
        return SwapCheck(name, said, needed, WARNING, way_out="Look at the node", page="pair", since=at)
    if at is None:
        return SwapCheck(name, "unknown", needed, UNKNOWN, way_out="Nobody has measured yet", page="pair")
    ago = timezone.now() - at
    seen = f"measured {shown.duration(ago.total_seconds())} ago"
    if ago > _FRESH:
        way_out = "Look whether an engine works on the pair, and whether both nodes answer"
        return SwapCheck(name, seen, needed, WARNING, way_out=way_out, page="pair", since=at)
    return SwapCheck(name, seen, needed, since=at)


def _others(pool: StoragePool) -> SwapCheck:
    name = f"Other objects of {pool} left"
    waits = Q(state="FAILED", set_aside="") | Q(set_aside="DEFERRED")
    left = OtherObject.objects.filter(waits, pool=pool, done_at=None).count()
    if not left:
        return SwapCheck(name, "0", "0")
    way_out = "The swap tries to carry them once more, and gives up where that fails"
    return SwapCheck(name, shown.number(left), "0", WARNING, way_out=way_out, page="definitions")


def _compared(pool: StoragePool) -> SwapCheck:
    name, needed = f"Last compare of {pool}", "Equal, of all tables"
    whole = CompareRun.objects.filter(pool=pool, schema="", keys=[], verdict__gt="", stopped_by="")
    last = whole.exclude(why=CompareRun.Why.SWAP).first()
    return _by_verdict(
        name, needed, last,
        "Have all tables compared: the swap has less to do then, for it compares what was written since",
    )  # fmt: skip


def _files_compared(root: FileRoot) -> SwapCheck:
    name, needed = f"Last compare of {root.asp_name}", "Equal, with contents"
    last = FileCompare.objects.filter(root=root, content=True, verdict__gt="", stopped_by="").first()
    way_out = "Have the root compared with contents: the swap then reads only what was carried since"
    return _by_verdict(name, needed, last, way_out)


def _by_verdict(name: str, needed: str, last: CompareRun | FileCompare | None, way_out: str) -> SwapCheck:
    if last is None:
        return SwapCheck(name, "never", needed, WARNING, way_out=way_out, page="compare")
    seen = status.VERDICT[last.verdict].label
    if last.verdict == "EQUAL":
        return SwapCheck(name, seen, needed, OK, since=last.ended_at)
    if last.verdict == "DIFFERENT":
        way_out = "See which rows differ: the swap compares again, and gives up where they still do"
    else:
        way_out = "See what could not be compared, and why: nobody has proved it equal"
    return SwapCheck(name, seen, needed, WARNING, way_out=way_out, page="compare", since=last.ended_at)


def _way_back(pool: StoragePool, known: Inventory | None) -> SwapCheck:
    name, needed = f"Way back of {pool}", "room for a stream from the new primary"
    if known is None or known.counted_at is None:
        way_out = "An engine looks by itself within ten minutes, or now: see Object types"
        return SwapCheck(name, "unknown", needed, UNKNOWN, way_out=way_out, page="types")
    if known.way_back_missing:
        way_out = "Raise the setting and restart that server: the swap gives up without a way back"
        seen, since = known.way_back_missing, known.counted_at
        return SwapCheck(name, seen, needed, WARNING, way_out=way_out, page="pair", since=since)
    return SwapCheck(name, known.way_back, needed, since=known.counted_at)


def _sequences(pair: Pair) -> SwapCheck:
    name, needed = "Sequences", "carried exactly while nobody writes"
    counted = ObjectCount.objects.filter(pool__pair=pair, object_type="sequence").aggregate(Sum("count"))
    since = Inventory.objects.filter(pool__pair=pair).order_by("counted_at").first()
    if since is None or since.counted_at is None:
        return SwapCheck(name, "number unknown", needed)
    return SwapCheck(name, f"{counted['count__sum'] or 0:,}", needed, since=since.counted_at)


@dataclass(frozen=True)
class Estimate:
    """How long nobody is expected to be able to write, in ms; None: there is nothing it could rest on."""

    gap_ms: float | None
    least_ms: float | None
    most_ms: float | None
    basis: str


def estimate(pair: Pair) -> Estimate:
    """From the steps of the pair's last role swaps: what the lag holds is brought before the fence."""
    done = pair.swaps.filter(state="COMPLETE")[:_LAST_SWAPS]
    gaps = [gap for swap in done if (gap := write_gap_ms(swap)) is not None]
    if not gaps:
        return Estimate(
            None, None, None, "no role swap of this pair has been completed that it could rest on"
        )
    number = "the last role swap" if len(gaps) == 1 else f"the last {len(gaps)} role swaps"
    basis = f"the median of the steps of {number} of this pair"
    return Estimate(median(gaps), min(gaps), max(gaps), basis)


def write_gap_ms(swap: SwapRequest) -> float | None:
    """How long nobody could write, as the steps of a complete swap add up; None where that is not known.

    Pools are closed and opened one after the other; files are brought beside the drain of the pools.
    """
    databases = set(swap.plan.get("databases", ()))
    one = len(databases) == 1
    took = {"closed": 0.0, "files": 0.0}
    names = set()
    for step in swap.steps:
        of_database = step.get("database") in databases or (one and "database" not in step)
        if of_database and step["name"] in _CLOSED:
            took["closed"] += float(step["ms"])
            names.add(step["name"])
        elif not of_database:
            took["files"] += float(step["ms"])
    if swap.state != "COMPLETE" or not {"fence", "open"} <= names:
        return None
    return max(took["closed"], took["files"])
