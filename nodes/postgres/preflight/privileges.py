"""May the role that was given do what a migration has to do?"""

from pathlib import Path

from nodes.postgres.preflight.check import Finding, finding, quoted
from nodes.postgres.preflight.place import Place

_PRIVILEGES = Path(__file__).with_name("privileges.sql").read_text()
_OWNERSHIP = Path(__file__).with_name("ownership.sql").read_text()


def privileges(place: Place) -> Finding:
    """The role is a superuser; if it is not, exactly what is missing."""
    row = place.session.execute(_PRIVILEGES).fetchone()
    assert row is not None  # pg_roles always has the current user
    role, superuser, _, missing = row
    return finding(
        superuser,
        f"role {role} is a superuser" if superuser else f"role {role} lacks " + "; ".join(missing),
        "a superuser: event triggers, ALTER SYSTEM and session_replication_role need it",
        f"alter role {quoted(role)} superuser; or give another role.",
        missing,
    )


def ownership(place: Place) -> Finding:
    """The role may create in the database, and owns the database and its tables or is a superuser."""
    rows = place.session.execute(_OWNERSHIP).fetchall()
    missing = list(dict.fromkeys(str(what) for what, _ in rows))
    role = place.session.info.user
    return finding(
        not rows,
        f"role {role} lacks " + "; ".join(missing) if rows else f"role {role} has them",
        "CREATE on the database, ownership of it and of every table",
        f"alter role {quoted(role)} superuser; or: grant the owners' roles to {quoted(role)}.",
        [table for _, table in rows if table],
    )


def row_security(place: Place) -> Finding:
    """Row level security hides no row from us; tables that have it are named."""
    rows = place.session.execute(
        "select n.nspname || '.' || c.relname || case when c.relforcerowsecurity then ' (forced)' else '' end"
        " from pg_class c join pg_namespace n on n.oid = c.relnamespace where c.relrowsecurity order by 1"
    ).fetchall()
    role = place.session.execute(_PRIVILEGES).fetchone()
    assert role is not None
    name, superuser, bypasses, _ = role
    return finding(
        not rows or superuser or bypasses,
        f"{len(rows)} table(s) with row level security",
        "no such table, or a role that sees every row",
        f"alter role {quoted(name)} bypassrls;",
        [table for (table,) in rows],
    )
