"""The file roots of a pair: adding and removing one, by whomever, and how much each is owed."""

import os
from collections.abc import Iterator
from pathlib import Path

import psycopg
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import BigIntegerField, Max, OuterRef, QuerySet, Subquery, Sum, TextField
from django.db.models.functions import Cast, Coalesce

from nodes import status
from nodes.models import FileRoot, Pair
from nodes.postgres.connect import Unreachable, connect
from tracking.engine.filehosts import sides_here
from tracking.engine.fileplaces import forbidden
from tracking.engine.say import say
from tracking.ifs import roots
from tracking.ifs.paths import shown
from tracking.ifs.roots import Refusal, Side

from .models import FileChange, ListTotal, set_state

_TYPED = ("source", "copy", "exclusions", "query")


def add(root: FileRoot, username: str) -> None:
    """Have a tree kept equal from now on; raises `ValidationError` with all that is wrong with it.

    What the nodes are asked, and what a file system may take long for, is not waited for with the pair's row
    held; but of two who add roots at once the second sees the first one's.
    """
    _refuse(_not_text(root))
    root.source, root.copy = str(Path(root.source)), str(Path(root.copy))
    if not root.query.strip():
        root.query, root.query_pool = "", None
    never = forbidden(root.pair)
    _refuse([*_wrong(root, never), *_unanswered(root)])
    with transaction.atomic():
        root.pair = Pair.objects.select_for_update().get(pk=root.pair_id)
        if root.pair.goal == Pair.Goal.REMOVED:
            raise ValidationError(f"pair {root.pair} is being removed; a root needs one that stays")
        root.number = 1 + (root.pair.file_roots.aggregate(last=Max("number"))["last"] or 0)
        root.full_clean()
        _refuse(_wrong(root, never))
        root.save()
        say(root.pair, f"file root {root} -> {root.copy} was added by {username}")


def remove(root: FileRoot, username: str) -> None:
    """End the tracking of a root, and forget its lists; both trees stay. Raises `ValidationError`."""
    with transaction.atomic():
        pair = Pair.objects.select_for_update().get(pk=root.pair_id)
        if swap := pair.swaps.filter(state__in=status.OPEN_SWAP).first():
            raise ValidationError(
                f"file root {root} cannot be removed while a role swap of pair {pair} is open: {swap} is"
                f" {swap.get_state_display()}; needed is none"
            )
        held = pair.file_roots.filter(pk=root.pk).first()
        if held is None:
            raise ValidationError(f"file root {root} has been removed already")
        _take_entries(held)
        set_state(held, "NOT MIRRORED", "")
        held.delete()
        say(pair, f"file root {root} -> {root.copy} was removed by {username}; both trees stay as they are")


def _take_entries(root: FileRoot) -> None:
    """Before the root's own row: who carries or lists has the entries first, and then looks for the root."""
    changes = FileChange.objects.filter(root=root)
    list(changes.select_for_update().order_by("path").values_list("pk", flat=True))
    changes.delete()


def counted() -> QuerySet[FileRoot]:
    """Roots with what there is to say about their lists: what is `owed`, what is `left` for somebody.

    Neither what was omitted nor what nobody can carry is owed.
    """
    totals = ListTotal.objects.filter(list="paths", owner=Cast(OuterRef("pk"), TextField()))
    owed = totals.exclude(set_aside="OMITTED").exclude(state="INELIGIBLE")
    return FileRoot.objects.select_related("watch", "query_pool").annotate(
        owed=_sum(owed), left=_sum(totals.filter(waits=True))
    )


def said_of(roots: list[FileRoot]) -> str:
    """What is owed to these in a few words, as qsys2/manager.sql has them."""
    owed, left = sum(root.owed for root in roots), sum(root.left for root in roots)
    if left:
        return waiting(left)
    return (
        f"{owed:,} file{' is' if owed == 1 else 's are'} owed to the secondary" if owed else "nothing is owed"
    )


def waiting(files: int) -> str:
    """So many that somebody has to look at."""
    return f"{files:,} file{' waits' if files == 1 else 's wait'} for somebody"


def _sum(totals: QuerySet[ListTotal]) -> Coalesce:
    summed = totals.values("list").annotate(sum=Sum("entries")).values("sum")
    return Coalesce(Subquery(summed), 0, output_field=BigIntegerField())


def _refuse(refusals: list[Refusal]) -> None:
    if refusals:
        raise ValidationError([str(refusal) for refusal in refusals])


def _not_text(root: FileRoot) -> list[Refusal]:
    """A name may be any bytes, but the portal's database holds text; a shell's argument may have others."""
    found = []
    for name in _TYPED:
        value = getattr(root, name)
        if value != value.encode("utf-8", "replace").decode():
            what = f"{name} {shown(os.fsencode(value))}"
            found.append(Refusal(what, "is not in UTF-8", "a name in UTF-8"))
    return found


def _wrong(root: FileRoot, never: tuple[Path, ...]) -> list[Refusal]:
    """Beside the other roots of its pair, and of other pairs: roles swap, so all of them are written to."""
    others = [
        other
        for other in FileRoot.objects.exclude(pk=root.pk).select_related("pair__source", "pair__copy")
        if other.pair_id == root.pair_id or _is_there(other)
    ]
    return roots.check_ends([(_root(each), _here(each)) for each in (*others, root)], never)


def _here(root: FileRoot) -> tuple[Side, ...]:
    """The ends that can be looked at from here; the others are for the preflight of an engine."""
    return sides_here(root.pair.source, root.pair.copy)


def _is_there(root: FileRoot) -> bool:
    try:
        return all(Path(root.source if side == "source" else root.copy).is_dir() for side in _here(root))
    except OSError:  # nobody may look, or no name can be so long
        return False


def _root(root: FileRoot) -> roots.Root:
    return roots.Root(Path(root.source), Path(root.copy), root.patterns)


def _unanswered(root: FileRoot) -> Iterator[Refusal]:
    """A query that the primary cannot run; nothing where it cannot be asked now."""
    if not root.query:
        return
    pool = root.query_pool or root.pair.pools.first()
    settings = {"autocommit": False, "search_path": "public", "statement_timeout": "5s"}
    try:
        with connect(root.pair.primary.conninfo_for(pool.database), "file paths", **settings) as session:
            session.read_only = True
            with session.cursor("paths") as cursor:  # planned, and no row is read
                cursor.execute(root.query)
                columns = len(cursor.description or ())
    except Unreachable:
        return
    except psycopg.Error as error:
        why = " ".join(str(error).split())
        yield Refusal(f"query in {pool.database}", why, "one that returns paths")
    else:
        if columns != 1:
            yield Refusal(f"query in {pool.database}", f"returns {columns} columns", "one, of paths")
