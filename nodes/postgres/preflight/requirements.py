"""What the source's database needs from the copy's server: extensions, roles, tablespaces."""

import re
from pathlib import Path

from nodes.postgres.connect import Connection, describe, one
from nodes.postgres.preflight.check import Finding, amount, finding, quoted
from nodes.postgres.preflight.place import Place

_ROLES = Path(__file__).with_name("roles.sql").read_text()
_TABLESPACES = Path(__file__).with_name("tablespaces.sql").read_text()
# What an extension has marked as its configuration, pg_dump takes for data
_CONFIGURATION = """
    select format('%I.%I', n.nspname, c.relname), e.extname::text
    from pg_extension e, unnest(e.extconfig) u(oid), pg_class c, pg_namespace n
    where c.oid = u.oid and n.oid = c.relnamespace and c.relkind = 'r' order by 1
"""
_TYPES = Path(__file__).with_name("extension_types.sql").read_text()


def _installed(session: Connection) -> dict[str, str]:
    return dict(session.execute("select extname::text, extversion from pg_extension").fetchall())


def _available(session: Connection) -> dict[str, str]:
    return dict(session.execute("select name::text, default_version from pg_available_extensions").fetchall())


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(number) for number in re.findall(r"\d+", version))


def extensions(place: Place) -> Finding:
    """Every extension of the source is available on the copy, in the same or a later version."""
    used, available = _installed(place.on_source), _available(place.on_copy)
    missing = [name for name in used if name not in available]
    older = [name for name in used if name in available and _numbers(available[name]) < _numbers(used[name])]
    wrong = [
        f"{name} {used[name]}: {available.get(name, 'not available')} on the copy" for name in missing + older
    ]
    packages = ", ".join(missing + older)
    return finding(
        not wrong,
        "; ".join(wrong) or f"{amount(len(used), 'extension')}, all available",
        "every extension of the source, in its version or a later one",
        f"Install on the copy's host the packages that bring: {packages}; "
        "then it is listed by: select * from pg_available_extensions;",
        wrong,
        otherwise="failed" if missing else "warning",
    )


def extension_tables(place: Place) -> Finding:
    """No extension keeps rows of the user's in tables of its own: they are neither copied nor mirrored."""
    rows = place.session.execute(_CONFIGURATION).fetchall()
    found = [f"{table} ({extension})" for table, extension in rows]
    return finding(
        not found,
        f"rows in {amount(len(found), 'table')} of extensions" if found else "none",
        "none: rows in the tables of an extension are not carried",
        "If they are not those that the extension comes with: after the swap, before it is used, pg_dump "
        "--data-only --table=... | psql, table by table.",
        found,
        otherwise="warning",
    )


def language(place: Place) -> Finding:
    """The language plpgsql is there: our event triggers, and blocks that we run, are written in it."""
    there = bool(one(place.session, "select 1 from pg_language where lanname = 'plpgsql'"))
    return finding(there, "there" if there else "missing", "plpgsql", "create extension plpgsql;")


def extension_types(place: Place) -> Finding:
    """Values of an extension's types travel as its text: another version may write or read it otherwise."""
    rows = place.on_source.execute(_TYPES).fetchall()
    available = _available(place.on_copy)
    differing = sorted({f"{ext} {version}" for _, _, ext, version in rows if available.get(ext) != version})
    return finding(
        not differing,
        f"{amount(len(rows), 'column')}"
        + (f"; the copy has other versions of {', '.join(differing)}" if differing else ""),
        "the same version of the extension on both nodes",
        "Install the source's version on the copy, or update the source first: alter extension ... update;",
        [f"{column} {type_}" for column, type_, *_ in rows],
        otherwise="warning",
    )


def roles(place: Place) -> Finding:
    """Every role that owns something or has a right in the database exists on the copy, or will be made."""
    used = [name for (name,) in place.on_source.execute(_ROLES).fetchall()]
    there = {name for (name,) in place.on_copy.execute("select rolname::text from pg_roles").fetchall()}
    missing = [name for name in used if name not in there]
    return finding(
        not missing,
        f"not on the copy yet, made when the migration begins: {', '.join(missing)}"
        if missing
        else f"{amount(len(used), 'role')}, all there",
        "every role that owns objects or has rights on them",
        f'pg_dumpall --roles-only --dbname="{describe(place.source.conninfo)}" '
        f'| psql --dbname="{describe(place.copy.conninfo)}"',
        missing,
        otherwise="warning",
    )


def tablespaces(place: Place) -> Finding:
    """Every tablespace that the database uses exists on the copy under the same name."""
    used = place.on_source.execute(_TABLESPACES).fetchall()
    there = {name for (name,) in place.on_copy.execute("select spcname::text from pg_tablespace").fetchall()}
    missing = [(name, location) for name, location in used if name not in there]
    return finding(
        not missing,
        "missing on the copy: " + ", ".join(name for name, _ in missing)
        if missing
        else f"{amount(len(used), 'tablespace')}, all there",
        "every tablespace in use, under the same name",
        " ".join(
            f"create tablespace {quoted(name)} location '{location or '/a/directory'}';"
            for name, location in missing
        ),
        [name for name, _ in missing],
    )
