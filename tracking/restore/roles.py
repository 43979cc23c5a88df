"""Roles, with their passwords as the server keeps them."""

from dataclasses import dataclass, field, replace
from pathlib import Path

from psycopg import sql

from nodes.postgres import apply_role
from nodes.postgres.connect import Connection, one
from nodes.postgres.unseen import leave_no_trace

from .carrying import run
from .difference import CHANGED, MISSING, Difference, Kind, changes

_ROLES = sql.SQL(Path(__file__).with_name("roles.sql").read_text())
_READABLE = "select has_table_privilege('pg_catalog.pg_authid', 'select')"
_ALWAYS = "infinity"  # what roles.sql says where there is no limit of time
_OWN = """
    select rolname::text from pg_catalog.pg_roles
    where oid < 16384 or rolname ~ '^pg_' or rolname in (session_user, current_user, %s)
"""


@dataclass(frozen=True)
class Role:
    """What a role may do. `verifier` is its hashed password; it is never shown."""

    attributes: tuple[str, ...]
    connections: int
    until: str
    comment: str | None
    verifier: str | None = field(repr=False)


def left_alone(primary: Connection, secondary: Connection) -> set[str]:
    """Roles that are not carried: the system's own, our own, and those that we connect as."""
    return {
        name for node in (primary, secondary) for (name,) in node.execute(_OWN, (apply_role.ROLE,)).fetchall()
    }


def names(connection: Connection) -> set[str]:
    """All roles of a node, also the system's own."""
    return {
        name for (name,) in connection.execute("select rolname::text from pg_catalog.pg_roles").fetchall()
    }


def find(primary: Connection, secondary: Connection) -> list[Difference]:
    """Roles that are missing on the copy or not the same there; one that only the copy has is left to it."""
    source, copy, verifiers = _both(primary, secondary)
    different = changes(
        {(n,): r for n, r in source.items()}, {(n,): r for n, r in copy.items()}, removed=False
    )
    return [
        Difference("ROLE", "", key[0], change + _password_note(change, source[key[0]], verifiers), key=key)
        for key, change in different
    ]


def carry(difference: Difference, primary: Connection, secondary: Connection) -> None:
    """Make the role, or make it what it is on the source; nothing where it is not there any more."""
    (name,) = difference.key
    source, copy, verifiers = _both(primary, secondary)
    if (role := source.get(name)) is None or role == copy.get(name):
        return
    leave_no_trace(secondary, local=True)
    quoted = sql.Identifier(name)
    if name not in copy:
        run(secondary, [sql.SQL("create role {}").format(quoted)])
    clauses = [sql.SQL(" ".join(role.attributes)), sql.SQL("connection limit {}").format(role.connections)]
    if role.until != (copy[name].until if name in copy else _ALWAYS):
        clauses.append(sql.SQL("valid until {}").format(role.until))
    if verifiers:
        clauses.append(sql.SQL("password {}").format(sql.Literal(role.verifier)))
    alter = sql.SQL("alter role {} {}").format(quoted, sql.SQL(" ").join(clauses))
    run(secondary, [alter, sql.SQL("comment on role {} is {}").format(quoted, sql.Literal(role.comment))])


KIND = Kind("ROLE", find, carry, of_cluster=True)


def _both(primary: Connection, secondary: Connection) -> tuple[dict[str, Role], dict[str, Role], bool]:
    """The roles of both nodes that are carried, and whether passwords can be read and compared."""
    readable = all(one(node, _READABLE) for node in (primary, secondary))
    alone = left_alone(primary, secondary)
    source, copy = (
        {n: r if readable else replace(r, verifier=None) for n, r in _read(node).items() if n not in alone}
        for node in (primary, secondary)
    )
    return source, copy, readable


def _read(connection: Connection) -> dict[str, Role]:
    readable = one(connection, _READABLE)
    query = _ROLES.format(
        catalog=sql.Identifier("pg_catalog", "pg_authid" if readable else "pg_roles"),
        verifier=sql.SQL("r.rolpassword" if readable else "null::text"),
    )
    return {row[0]: Role(tuple(row[1]), *row[2:]) for row in connection.execute(query).fetchall()}


def _password_note(change: str, role: Role, verifiers: bool) -> str:
    if change in (MISSING, CHANGED) and not verifiers and "login" in role.attributes:
        return "; its password cannot be read and has to be set by hand"
    return ""
