"""A change of the replication criteria list: what it would do, what forbids it, and making it so."""

from collections.abc import Collection
from dataclasses import dataclass, replace
from graphlib import CycleError, TopologicalSorter

from . import described, install
from .connect import Connection
from .criteria import DEFINITION, EXCLUDE, INCLUDE, RULES, Rule, columns, put, write

_PROPOSED = f"array(select row(a, b, c, d)::mwa.criteria from {RULES})"
_CHANGES = f"""
    select c.type, c.schema_name, c.identity, c.before, c.after, c.class::bigint, c.object::bigint,
           a.type, a.object_names, a.object_args
    from mwa.would_change({_PROPOSED}) c, pg_identify_object_as_address(c.class, c.object, 0) a
    order by c.type, c.identity
"""
_MISSED = f"select * from mwa.would_miss({_PROPOSED}) order by 1, 2"
_EDGES = """
    with chosen as (select * from unnest(%s::bigint[], %s::bigint[]) as u(class, object))
    select n.class::bigint, n.object::bigint, n.other_class::bigint, n.other::bigint from mwa.needs() n
    where (n.class, n.object) in (select class, object from chosen)
      and (n.other_class, n.other) in (select class, object from chosen)
"""
_NOTE = "select mwa.note('CREATE', %s::bigint::oid, %s::bigint::oid, %s)"
_PATH = '"$user", public'  # PostgreSQL's own: whose function it was is not known any more
_STAYS = "stays on the secondary as it is, and is followed no longer"
_MADE = "is made on the secondary"
_BEFORE = {EXCLUDE: "is not made on the copy", DEFINITION: "comes without its contents", INCLUDE: "is copied"}
_SAME = "is the same on both nodes, and followed from now on"


@dataclass(frozen=True)
class Change:
    """An object whose inclusion would change; `effect` says what that means for the secondary."""

    object_type: str
    schema: str
    identity: str
    before: str
    after: str
    effect: str = ""

    def __str__(self) -> str:
        return f"{self.object_type} {self.identity}"


@dataclass(frozen=True)
class Preview:
    """What a set of rules would change, and why it cannot be made active (empty where it can).

    `tables` are those whose rows would be brought, as (schema, name).
    """

    changes: list[Change]
    refusals: list[str]
    tables: list[tuple[str, str]]


@dataclass(frozen=True)
class _Found:
    """A change with the object's place in the primary's catalog, and how another server finds it."""

    change: Change
    oid: tuple[int, int]
    address: described.Address

    @property
    def comes(self) -> bool:
        """Whether the secondary may have never seen the object."""
        return self.change.before == EXCLUDE

    @property
    def table(self) -> tuple[str, str]:
        """Of a table, its schema and name."""
        schema, name = self.address[1]
        return schema, name


def missed(primary: Connection, rules: Collection[Rule]) -> list[str]:
    """What would be on the secondary without something that it needs: why the rules cannot be active."""
    rows = primary.execute(_MISSED, columns(rules)).fetchall()
    return [
        f"{name} needs {needed}, which would be {'excluded' if inclusion == EXCLUDE else 'without rows'};"
        f" needed is a rule for both, or for neither"
        for name, needed, inclusion in rows
    ]


def preview(primary: Connection, secondary: Connection, rules: Collection[Rule]) -> Preview:
    """What these rules would change, and what forbids them: nothing on either node is changed."""
    found = _found(primary, rules)
    equal = {each.oid: described.same(primary, secondary, each.address) for each in found if each.comes}
    refusals = missed(primary, rules)
    refusals += [
        f"{each.change} is on both nodes, and differs; needed on the secondary is the same, or none"
        for each in found if equal.get(each.oid) is False
    ]  # fmt: skip
    refusals += _circle(primary, [each for each in found if each.comes and equal[each.oid] is None])
    return Preview(
        [_told(each.change, equal.get(each.oid)) for each in found],
        refusals,
        [each.table for each in found if each.change.object_type == "table" and each.change.after == INCLUDE],
    )


def preview_before(primary: Connection, active: Collection[Rule], rules: Collection[Rule]) -> Preview:
    """The same while nothing of ours is on the nodes, and nothing is left there by it.

    What describes the objects is installed in a transaction that is rolled back.
    """
    with primary.transaction(force_rollback=True):
        install.install(primary)
        put(primary, active)
        install.learn(primary)
        changes = [each.change for each in _found(primary, rules)]
        told = [replace(change, effect=_BEFORE[change.after]) for change in changes]
        return Preview(told, missed(primary, rules), [])


def activate(primary: Connection, secondary: Connection, rules: Collection[Rule]) -> None:
    """Make these the rules of both nodes; what the secondary lacks because of the old ones is on its way.

    Not for rules that a preview refuses. Doing it twice is harmless: what an object was is written down on
    the primary last.
    """
    put(secondary, rules)
    may_lack = [each for each in _found(primary, rules) if each.comes]
    coming = [each for each in may_lack if described.made_by(secondary, each.address) is None]
    ordered = _in_order(primary, coming)
    with primary.transaction():
        primary.execute("set local check_function_bodies = off")
        write(primary, rules)
        for found in ordered:
            primary.execute(_NOTE, (*found.oid, _PATH))
        primary.execute("select mwa.apply_criteria()")


def _found(primary: Connection, rules: Collection[Rule]) -> list[_Found]:
    rows = primary.execute(_CHANGES, columns(rules)).fetchall()
    return [_Found(Change(*row[:5]), (row[5], row[6]), (row[7], row[8], row[9])) for row in rows]


def _told(change: Change, equal: bool | None) -> Change:
    """With its effect in words."""
    rows = change.object_type == "table"
    if change.after == EXCLUDE:
        effect = _STAYS
    elif change.before == EXCLUDE:
        effect = _SAME if equal else _MADE
        if rows and change.after == INCLUDE:
            effect += "; its rows are brought"
    elif change.after == INCLUDE:
        effect = "its contents are brought, and followed"
    else:
        effect = "its definition is followed, its contents no longer"
    return replace(change, effect=effect)


def _circle(primary: Connection, coming: list[_Found]) -> list[str]:
    """Why they cannot be made one after the other."""
    try:
        _in_order(primary, coming)
    except CycleError as error:
        named = {each.oid: str(each.change) for each in coming}
        circle = " needs ".join(named[oid] for oid in error.args[1])
        return [f"{circle}: none can be made first; needed is one of them on the secondary"]
    return []


def _in_order(primary: Connection, coming: list[_Found]) -> list[_Found]:
    """What others depend on first."""
    by_oid = {found.oid: found for found in coming}
    sorter = TopologicalSorter({oid: set() for oid in by_oid})
    classes, objects = [oid[0] for oid in by_oid], [oid[1] for oid in by_oid]
    for class_, object_, other_class, other in primary.execute(_EDGES, (classes, objects)).fetchall():
        sorter.add((class_, object_), (other_class, other))
    return [by_oid[oid] for oid in sorter.static_order()]
