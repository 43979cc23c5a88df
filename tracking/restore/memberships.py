"""Who is a member of which role, given by whom and with which options."""

from psycopg import sql

from nodes.postgres.connect import Connection

from . import roles
from .carrying import run
from .difference import GONE, INELIGIBLE, READY, Difference, Key, Kind, changes
from .privileges import in_order

_OPTIONS_SINCE = 160000  # before, a membership has no grantor that counts and one option only
_WITH_OPTIONS = """
    select pg_get_userbyid(roleid)::text, pg_get_userbyid(member)::text,
           case grantor when 10 then '' else pg_get_userbyid(grantor)::text end,
           array[admin_option, inherit_option, set_option]
    from pg_catalog.pg_auth_members order by 1, 2, 3
"""
_PLAIN = """
    select pg_get_userbyid(roleid)::text, pg_get_userbyid(member)::text, '', array[bool_or(admin_option)]
    from pg_catalog.pg_auth_members group by roleid, member order by 1, 2
"""
_SUPERUSER = ""  # stands for the one that the cluster was made with, whatever it is called

Memberships = dict[Key, list[bool]]  # role, member, grantor; admin, inherit, set


def find(primary: Connection, secondary: Connection) -> list[Difference]:
    """Memberships that differ, in the order in which they can be carried."""
    source, copy = _both(primary, secondary)
    there = roles.names(secondary) | (roles.names(primary) - roles.left_alone(primary, secondary))
    different = dict(changes(source, copy, removed=True))
    given = _in_order([key for key in different if different[key] != GONE], source)
    taken = _in_order([key for key in different if different[key] == GONE], copy)
    return [_difference(key, different[key], there) for key in [*reversed(taken), *given]]


def carry(difference: Difference, primary: Connection, secondary: Connection) -> None:
    """Grant the role with the options that the member has on the source, or revoke it."""
    source, copy = _both(primary, secondary)
    role, member, grantor = difference.key
    wanted, have = source.get(difference.key), copy.get(difference.key)
    if wanted == have:
        return
    names = sql.Identifier(role), sql.Identifier(member)
    by = sql.SQL(" granted by {}").format(sql.Identifier(grantor)) if grantor else sql.SQL("")
    if wanted is None:
        run(secondary, [sql.SQL("revoke {} from {}{}").format(*names, by)])
    else:
        run(secondary, [sql.SQL("grant {} to {}{}{}").format(*names, _options(wanted, have), by)])


KIND = Kind("ROLE MEMBERSHIP", find, carry, of_cluster=True)


def _both(primary: Connection, secondary: Connection) -> tuple[Memberships, Memberships]:
    """Of members that are carried; on the copy only where the source has both roles."""
    detailed = min(primary.info.server_version, secondary.info.server_version) >= _OPTIONS_SINCE
    alone, known = roles.left_alone(primary, secondary), roles.names(primary)
    source, copy = (_read(node, detailed) for node in (primary, secondary))
    return (
        {key: options for key, options in source.items() if key[1] not in alone},
        {key: options for key, options in copy.items() if key[1] not in alone and {*key[:2]} <= known},
    )


def _read(connection: Connection, detailed: bool) -> Memberships:
    rows = connection.execute(_WITH_OPTIONS if detailed else _PLAIN).fetchall()
    return {(role, member, grantor): options for role, member, grantor, options in rows}


def _options(wanted: list[bool], have: list[bool] | None) -> sql.SQL:
    """Those of PostgreSQL 16 by name; before, a member keeps ADMIN unless it is revoked."""
    if len(wanted) == 1:
        return sql.SQL(" with admin option" if wanted[0] else "")
    admin, inherit, set_ = ("true" if each else "false" for each in wanted)
    return sql.SQL(f" with admin {admin}, inherit {inherit}, set {set_}")


def _in_order(keys: list[Key], options: Memberships) -> list[Key]:
    """So that whoever gives a role has been given it with ADMIN before."""
    ordered: list[Key] = []
    for role in sorted({key[0] for key in keys}):
        mine = [key for key in options if key[0] == role]
        giver = {key: key[2] for key in mine}
        receiver = {key: key[1] for key in mine if options[key][0]}
        ordered += [key for key in in_order(mine, _SUPERUSER, giver, receiver) if key in keys]
    return ordered


def _difference(key: Key, change: str, there: set[str]) -> Difference:
    role, member, grantor = key
    name = f"{member} in {role}" + (f", granted by {grantor}" if grantor else "")
    lacking = sorted({role, member, grantor or member} - there)
    return Difference(
        "ROLE MEMBERSHIP", "", name, change, INELIGIBLE if lacking else READY, key=key,
        why=f"the copy has no role {', '.join(lacking)}, which is not carried" if lacking else "",
    )  # fmt: skip
