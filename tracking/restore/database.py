"""The database itself: its owner, its limit of connections, its comment, what is granted on it."""

from dataclasses import dataclass

from psycopg import sql

from nodes.postgres.connect import Connection

from . import privileges, roles
from .carrying import run
from .difference import CHANGED, Difference, Kind

_DATABASE = sql.SQL("""
    select pg_get_userbyid(datdba)::text, datconnlimit, datistemplate,
           shobj_description(oid, 'pg_database'), {}
    from pg_catalog.pg_database where datname = current_database()
""").format(privileges.exploded("datacl", "datdba", "d"))


@dataclass(frozen=True)
class Database:
    """What can be changed about a database; whether it allows connections belongs to the fence."""

    owner: str
    connections: int
    template: bool
    comment: str | None
    grants: privileges.Grants


def find(primary: Connection, secondary: Connection) -> list[Difference]:
    """One difference, or none."""
    known = roles.names(primary)
    if _read(primary, known) == _read(secondary, known):
        return []
    return [Difference("DATABASE", "", primary.info.dbname, CHANGED)]


def carry(difference: Difference, primary: Connection, secondary: Connection) -> None:
    """Give the copy's database what the source's has."""
    known = roles.names(primary)
    wanted, name = _read(primary, known), sql.Identifier(secondary.info.dbname)
    if wanted == _read(secondary, known):
        return
    statements = [
        sql.SQL("alter database {} owner to {}").format(name, sql.Identifier(wanted.owner)),
        sql.SQL("alter database {} with connection limit {} is_template {}").format(
            name, wanted.connections, wanted.template
        ),
        sql.SQL("comment on database {} is {}").format(name, sql.Literal(wanted.comment)),
    ]
    run(secondary, statements)
    have = _read(secondary, known).grants  # a new owner takes over what the old one has granted
    privileges.make_equal(secondary, sql.SQL("database {}").format(name), wanted.owner, have, wanted.grants)


KIND = Kind("DATABASE", find, carry)


def _read(connection: Connection, known: set[str]) -> Database:
    row = connection.execute(_DATABASE).fetchall()[0]
    return Database(row[0], row[1], row[2], row[3], privileges.grants(row[4], known))
