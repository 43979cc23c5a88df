"""Tablespaces: their directory belongs to the machine; owner, options and privileges can be carried."""

from dataclasses import dataclass

from psycopg import sql

from nodes.postgres.connect import Connection

from . import privileges, roles
from .carrying import run
from .difference import INELIGIBLE, MISSING, READY, Difference, Kind, changes

_TABLESPACES = sql.SQL("""
    select spcname::text, pg_get_userbyid(spcowner)::text, coalesce(spcoptions, '{{}}'),
           shobj_description(oid, 'pg_tablespace'), {}, pg_tablespace_location(oid)
    from pg_catalog.pg_tablespace where oid >= 16384 order by 1
""").format(privileges.exploded("spcacl", "spcowner", "t"))


@dataclass(frozen=True)
class Tablespace:
    """What a tablespace is, but for where it lies."""

    owner: str
    options: frozenset[str]  # name=value
    comment: str | None
    grants: privileges.Grants


def find(primary: Connection, secondary: Connection) -> list[Difference]:
    """Those that the copy has not, or not so; one that only the copy has is left to it."""
    known = roles.names(primary)
    (source, places), (copy, _) = _read(primary, known), _read(secondary, known)
    found = []
    for key, change in changes(
        {(n,): t for n, t in source.items()}, {(n,): t for n, t in copy.items()}, removed=False
    ):
        by_hand = _by_hand(primary, key[0], source[key[0]].owner, places[key[0]]) if change == MISSING else ""
        state = INELIGIBLE if by_hand else READY
        found.append(Difference("TABLESPACE", "", key[0], change, state, by_hand, key=key))
    return found


def carry(difference: Difference, primary: Connection, secondary: Connection) -> None:
    """Give the copy's tablespace what the source's has."""
    known, (name,) = roles.names(primary), difference.key
    wanted, have = _read(primary, known)[0].get(name), _read(secondary, known)[0].get(name)
    if wanted is None or have is None or wanted == have:
        return
    which = sql.SQL("tablespace {}").format(sql.Identifier(name))
    statements = [
        sql.SQL("alter {} owner to {}").format(which, sql.Identifier(wanted.owner)),
        sql.SQL("comment on {} is {}").format(which, sql.Literal(wanted.comment)),
        *(
            sql.SQL("alter {} reset ({})").format(which, sql.Identifier(each.partition("=")[0]))
            for each in sorted(have.options - wanted.options)
        ),
        *(
            sql.SQL("alter {} set ({} = {})").format(which, sql.Identifier(option), sql.Literal(value))
            for option, _, value in (each.partition("=") for each in sorted(wanted.options))
        ),
    ]
    run(secondary, statements)
    now = _read(secondary, known)[0][name].grants
    privileges.make_equal(secondary, which, wanted.owner, now, wanted.grants)


KIND = Kind("TABLESPACE", find, carry, of_cluster=True)


def _read(connection: Connection, known: set[str]) -> tuple[dict[str, Tablespace], dict[str, str]]:
    rows = connection.execute(_TABLESPACES).fetchall()
    found = {
        row[0]: Tablespace(row[1], frozenset(row[2]), row[3], privileges.grants(row[4], known))
        for row in rows
    }
    return found, {row[0]: row[5] for row in rows}


def _by_hand(primary: Connection, name: str, owner: str, location: str) -> str:
    statement = sql.SQL("create tablespace {} owner {} location {}").format(
        sql.Identifier(name), sql.Identifier(owner), location
    )
    return (
        f"Make an empty directory for it on the copy (on the source it is {location}), owned by the"
        f" server's account; then run there: {statement.as_string(primary)}"
    )
