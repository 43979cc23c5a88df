"""Defining nodes, pairs and their databases: what the wizard and the shell both come to.

Every function raises `ValidationError`, which names the object, the value seen and the value needed.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction

from .models import Node, Pair, PropertyChange, StoragePool
from .postgres import offered
from .postgres.connect import Unreachable, describe
from .postgres.preflight.place import unreadable

_FIRST_UNUSED = 20_000  # beyond every number of a pool


def add_node(name: str, conninfo: str, by: str, *, may_be_away: bool) -> tuple[Node, str]:
    """Define a node by a connection string, which is tested; returns it, and why it does not answer.

    A node that does not answer is refused unless it `may_be_away`; a string that cannot be read always is.
    """
    if not conninfo:
        raise ValidationError({"conninfo": f"node {name} has no connection string, needed is one"})
    node = Node(name=name, conninfo=conninfo)
    node.full_clean()
    why = _learn(node, conninfo, may_be_away=may_be_away)
    with _once(node), transaction.atomic():
        node.save()
        _note(node, "connection string", "", describe(conninfo), by)
    return node, why


def replace_conninfo(node: Node, conninfo: str, by: str, *, may_be_away: bool) -> str:
    """Another connection string for a node, to the same cluster; returns why it does not answer.

    A pair whose migration has begun would otherwise go on with a cluster that has nothing of it: with such a
    pair the node has to answer, and to be the one that it was.
    """
    if node.directory:
        raise ValidationError({"conninfo": f"node {node} is an embedded server, whose string nobody gives"})
    if not conninfo:
        raise ValidationError({"conninfo": f"node {node} was given no connection string, needed is one"})
    begun = [pair for pair in Pair.objects.filter(source=node) | Pair.objects.filter(copy=node)
             if not pair.untouched]  # fmt: skip
    changed = Node.objects.get(pk=node.pk)
    why = _learn(changed, conninfo, may_be_away=may_be_away and not begun)
    if begun:
        _refuse_another_cluster(changed, node.identifier, begun)
    with transaction.atomic():
        changed.conninfo = conninfo
        changed.save(update_fields=["conninfo", "version", "identifier"])
        _note(changed, "connection string", describe(node.conninfo), describe(conninfo), by)
    return why


def add_pair(name: str, source: Node, copy: Node, databases: Sequence[str] = ()) -> Pair:
    """Define a pair, with its databases where they are known already; the first is *SYSBAS."""
    pair = Pair(name=name, source=source, copy=copy)
    pair.full_clean(exclude=["token"])
    with _once(pair, exclude=["token"]), transaction.atomic():
        pair.save()
        if databases:
            set_databases(pair, databases)
    return pair


def set_databases(pair: Pair, databases: Sequence[str]) -> None:
    """Which databases a pair mirrors, in this order, as long as nothing was done on its nodes.

    What is known of one that stays (its replication criteria) stays with it.
    """
    with transaction.atomic():
        held = Pair.objects.select_for_update().filter(pk=pair.pk).first()
        if held is None or held.goal or not held.untouched:
            now = f"{held.get_phase_display()}, asked for {held.get_goal_display()}" if held else "gone"
            raise ValidationError(f"pair {pair} is {now}; its databases are chosen before it is started")
        wanted = list(dict.fromkeys(databases))
        _refuse_names(held, wanted, twice=len(wanted) < len(databases))
        kept = {pool.database: pool for pool in held.pools.all()}
        held.pools.exclude(database__in=wanted).delete()
        for number, pool in enumerate(kept.values(), _FIRST_UNUSED):  # a number is never there twice
            StoragePool.objects.filter(pk=pool.pk).update(number=number)
        for number, database in enumerate(wanted, 1):
            pool = kept.get(database) or StoragePool(pair=held, database=database)
            pool.number = number
            pool.full_clean()
            pool.save()


@contextmanager
def _once(row: Node | Pair, **left_out: Sequence[str]) -> Iterator[None]:
    """Of two who define the same at the same moment the second is told what he would be told later."""
    try:
        yield
    except IntegrityError:
        row.full_clean(**left_out)
        raise


def _refuse_names(pair: Pair, databases: Sequence[str], *, twice: bool) -> None:
    needed = "needed is at least one, each once, and no template"
    if not databases or twice or not {"template0", "template1"}.isdisjoint(databases):
        named = ", ".join(databases) or "no database"
        raise ValidationError(
            f"pair {pair} was given {named}{', one of them twice' if twice else ''}; {needed}"
        )
    for database in databases:
        if len(database.encode()) > 63 or "\0" in database or not database:
            raise ValidationError(
                f"database '{database}' has {len(database.encode())} bytes; a name has 1 to 63 of them"
            )


def _learn(node: Node, conninfo: str, *, may_be_away: bool) -> str:
    """Who it is; returns why it does not answer, where that is no refusal."""
    try:
        server = offered.ask(conninfo)
    except Unreachable as error:
        if not may_be_away or unreadable(conninfo):
            raise ValidationError({"conninfo": f"node {node} does not answer: {error}"}) from error
        return str(error)
    node.version, node.identifier = server.version, server.identifier
    return ""


def _refuse_another_cluster(node: Node, known: int | None, begun: Sequence[Pair]) -> None:
    if known is not None and known != node.identifier:
        names = ", ".join(pair.name for pair in begun)
        raise ValidationError(
            {"conninfo": f"node {node} is part of pair {names}, which has begun with cluster {known}; this"
                         f" string leads to {node.identifier or 'an unknown one'}, needed is the same one"}
        )  # fmt: skip


def _note(node: Node, name: str, before: str, after: str, by: str) -> None:
    PropertyChange.objects.create(
        about=node.name, key=f"node {node.pk}", name=name, before=before, after=after, by=by
    )
