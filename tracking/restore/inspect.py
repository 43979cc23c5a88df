"""Everything that event triggers do not see: what differs between the nodes, and making it equal."""

from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import replace
from itertools import groupby

import psycopg

from nodes.postgres import criteria
from nodes.postgres.connect import Connection
from tracking.mirror.refresh import RefreshFailed

from . import (
    database,
    event_triggers,
    large_content,
    large_objects,
    materialized_views,
    memberships,
    parameter_privileges,
    roles,
    security_labels,
    settings,
    subscriptions,
    system_settings,
    tablespaces,
    unlogged_tables,
)
from .carrying import carrying, words
from .difference import INELIGIBLE, UNREADABLE, CarryFailed, Difference, Kind

__all__ = ["CarryFailed", "Difference", "carry", "carry_all", "inspect"]

# In the order in which they can be carried: what others name comes first.
KINDS = (
    roles.KIND,
    memberships.KIND,
    parameter_privileges.KIND,
    tablespaces.KIND,
    database.KIND,
    settings.DATABASE_SETTINGS,
    settings.ROLE_SETTINGS,
    system_settings.KIND,
    large_content.KIND,
    unlogged_tables.KIND,
    materialized_views.KIND,
    event_triggers.KIND,
    subscriptions.KIND,
    security_labels.KIND,
)
ROLES = (roles.KIND, memberships.KIND)
_BY_TYPE = {kind.object_type: kind for kind in KINDS}


def inspect(
    primary: Connection,
    secondary: Connection,
    *,
    tried: Collection[Difference] = (),
    cluster: bool = True,
    kinds: Collection[Kind] = KINDS,
) -> list[Difference]:
    """What of this database, and (`cluster`) of the whole server, is not the same on both nodes.

    In the order in which it can be carried. A kind that cannot be read becomes an INELIGIBLE difference with
    the server's reason. `tried` are differences that have been carried in vain: what is still as it was
    then is INELIGIBLE as well. Raises psycopg's error where a session is lost.
    """
    found: list[Difference] = []
    for kind in kinds:
        if cluster or not kind.of_cluster:
            found += _found(kind, primary, secondary)
    return [_hopeless(each, tried) for each in _mirrored(primary, found)]


def carry(difference: Difference, primary: Connection, secondary: Connection) -> None:
    """Make the object on the copy what it is on the source now; carrying twice is harmless.

    Raises `CarryFailed`, with nothing changed unless it was in vain, or psycopg's error where a session is
    lost.
    """
    kind = _BY_TYPE[difference.object_type]
    if kind.carry is None or difference.state == INELIGIBLE:
        raise CarryFailed(difference, difference.why or "this is done by hand")
    try:
        with carrying(secondary):
            kind.carry(difference, primary, secondary)
        if kind.check:
            kind.check(difference, primary, secondary)
    except (psycopg.Error, RefreshFailed) as error:
        raise _failed(difference, error, primary, secondary) from None  # a context would show the statement


def _nobody(_: list[Difference]) -> None:
    pass


def carry_all(
    differences: Iterable[Difference],
    primary: Connection,
    secondary: Connection,
    beginning: Callable[[list[Difference]], None] = _nobody,
) -> Iterator[tuple[Difference, CarryFailed | None]]:
    """Carry those that are READY, in their order, and say of each whether it failed.

    `beginning` is told before which are carried next. Small large objects go many in one transaction; where
    that fails, one by one.
    """
    ready = (each for each in differences if each.state != INELIGIBLE)
    for object_type, group in groupby(ready, lambda each: each.object_type):
        if object_type == large_objects.TYPE:
            for batch in large_content.batches(group):
                beginning(batch)
                yield from _carry_batch(batch, primary, secondary)
        else:
            for each in group:
                beginning([each])
                yield each, _outcome(each, primary, secondary)


def _carry_batch(
    batch: list[Difference], primary: Connection, secondary: Connection
) -> Iterator[tuple[Difference, CarryFailed | None]]:
    try:
        with carrying(secondary):
            large_content.carry_all(batch, primary, secondary)
    except psycopg.Error as error:
        _failed(batch[0], error, primary, secondary)
        for each in batch:
            yield each, _outcome(each, primary, secondary)
    else:
        yield from ((each, None) for each in batch)


def _outcome(difference: Difference, primary: Connection, secondary: Connection) -> CarryFailed | None:
    try:
        carry(difference, primary, secondary)
    except CarryFailed as error:
        return error
    return None


def _failed(
    difference: Difference, error: psycopg.Error | RefreshFailed, *sessions: Connection
) -> CarryFailed:
    """Raises the error itself where a session is lost: that is not the object's fault."""
    if any(session.closed for session in sessions):
        raise error
    return CarryFailed(difference, words(error) if isinstance(error, psycopg.Error) else str(error))


def _found(kind: Kind, primary: Connection, secondary: Connection) -> list[Difference]:
    try:
        return kind.find(primary, secondary)
    except psycopg.Error as error:
        if primary.closed or secondary.closed:
            raise
        return [Difference(kind.object_type, "", "", UNREADABLE, INELIGIBLE, words(error))]


def _mirrored(primary: Connection, found: list[Difference]) -> list[Difference]:
    """Without what the replication criteria leave out."""
    out = criteria.unmirrored(primary)
    inclusions = criteria.resolve(
        primary, [(each.library, each.object_type.lower(), each.name) for each in found]
    )
    return [
        each for each, inclusion in zip(found, inclusions, strict=True)
        if (each.library, each.name) not in out
        and not (inclusion == criteria.EXCLUDE and each.object_type.lower() in criteria.ELSEWHERE)
    ]  # fmt: skip


def _hopeless(found: Difference, tried: Collection[Difference]) -> Difference:
    if found.object_type != materialized_views.KIND.object_type or found.state == INELIGIBLE:
        return found
    why = materialized_views.without_hope(found, tried)
    return replace(found, state=INELIGIBLE, why=why) if why else found
