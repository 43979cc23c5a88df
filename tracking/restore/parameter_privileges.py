"""Who may set parameters that otherwise only a superuser may (GRANT ... ON PARAMETER)."""

from psycopg import sql

from nodes.postgres.connect import Connection

from . import privileges, roles
from .difference import Difference, Key, Kind, changes
from .privileges import Grants

_TYPE = "PARAMETER PRIVILEGE"
_SINCE = 150000
_OWNER = "select pg_get_userbyid(10)::text"  # the superuser that the cluster was made with
_PARAMETERS = sql.SQL("select parname, {} from pg_catalog.pg_parameter_acl order by 1").format(
    privileges.exploded("paracl", "10", "p")
)
_NONE: Grants = frozenset()


def find(primary: Connection, secondary: Connection) -> list[Difference]:
    """Parameters on which not the same is granted."""
    known = roles.names(primary)
    different = changes(_read(primary, known), _read(secondary, known), removed=True)
    return [Difference(_TYPE, "", key[0], change, key=key) for key, change in different]


def carry(difference: Difference, primary: Connection, secondary: Connection) -> None:
    """Grant the same."""
    known = roles.names(primary)
    wanted, have = _read(primary, known), _read(secondary, known)
    owner = secondary.execute(_OWNER).fetchall()[0][0]
    which = sql.SQL("parameter {}").format(sql.Identifier(*difference.key[0].split(".")))
    privileges.make_equal(
        secondary, which, owner, have.get(difference.key, _NONE), wanted.get(difference.key, _NONE)
    )


KIND = Kind(_TYPE, find, carry, of_cluster=True)


def _read(connection: Connection, known: set[str]) -> dict[Key, Grants]:
    """Without those on which nothing but the owner's own is granted."""
    if connection.info.server_version < _SINCE:
        return {}
    found = {
        (name,): privileges.grants(rows, known) for name, rows in connection.execute(_PARAMETERS).fetchall()
    }
    return {key: grants for key, grants in found.items() if any(g.grantor != g.grantee for g in grants)}
