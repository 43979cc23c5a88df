"""The databases by name: there on the source, there and empty on the copy, and nobody else's business."""

from pathlib import Path

from psycopg import sql

from nodes.postgres.connect import Connection, one
from nodes.postgres.preflight.check import Finding, amount, finding, quoted
from nodes.postgres.preflight.place import Place

_EMPTY = Path(__file__).with_name("empty.sql").read_text()
_LEFTOVERS = Path(__file__).with_name("leftovers.sql").read_text()
_REPLICATION = Path(__file__).with_name("replication.sql").read_text()
_NAMED = 10  # objects of a copy that is not empty
_INVALID = -2  # pg_database.datconnlimit after an interrupted DROP DATABASE


def given(place: Place) -> Finding:
    """At least one database is to be migrated, none of them twice, and none is a template."""
    wrong = [name for name in place.databases if name in ("template0", "template1")]
    twice = sorted({name for name in place.databases if place.databases.count(name) > 1})
    return finding(
        bool(place.databases) and not wrong and not twice,
        ", ".join(place.databases) or "no database",
        "one or more databases, each once, no template",
        "Name the databases of the source: select datname from pg_database where not datistemplate;",
        wrong + twice,
    )


def exists(place: Place) -> Finding:
    """The database is there and lets us in; on the copy it may be missing if it is to be created."""
    query = "select datallowconn, datconnlimit from pg_database where datname = %s"
    row = place.node.session().execute(query, (place.database,)).fetchone()
    needed = "a database that allows connections"
    name = quoted(str(place.database))
    if row is None:
        return _missing(place)
    allowed, limit = row
    if limit == _INVALID:
        return finding(False, "invalid since an interrupted drop database", needed, f"drop database {name};")
    remedy = f"alter database {name} allow_connections true;"
    return finding(
        allowed, "there, allows connections" if allowed else "allows no connections", needed, remedy
    )


def _missing(place: Place) -> Finding:
    absent = f"no such database: {place.database}"
    if place.side == "source" or not place.source.has(place.database):
        remedy = "Name a database of the source: select datname from pg_database;"
        return finding(False, absent, "a database that allows connections", remedy)
    statement = create_statement(place.on_source)
    if not place.options.create_database:
        return finding(False, absent, "an empty database, or leave to create it", statement)
    query = "select rolsuper or rolcreatedb from pg_roles where rolname = current_user"
    return finding(
        bool(one(place.node.session(), query)),
        f"{absent}; it will be created",
        "a role that may create it",
        f"alter role {quoted(place.node.session().info.user)} createdb; or run: {statement}",
    )


def create_statement(source: Connection) -> str:
    """The statement, for PostgreSQL 16 and later, for a database with `source`'s encoding and locale."""
    row = source.execute(
        "select to_jsonb(d), pg_encoding_to_char(d.encoding) from pg_database d"
        " where datname = current_database()"
    ).fetchone()
    assert row is not None  # the database of the session
    found, encoding = row
    options = {"encoding": encoding, "lc_collate": found["datcollate"], "lc_ctype": found["datctype"]}
    provider = {"i": "icu", "b": "builtin"}.get(found.get("datlocprovider", "c"))
    if provider:
        options["locale_provider"] = provider
        options[f"{provider}_locale"] = found.get("datlocale") or found.get("daticulocale")
    parts = [sql.SQL("{} {}").format(sql.SQL(key), sql.Literal(value)) for key, value in options.items()]
    statement = sql.SQL("create database {} template template0 {};")
    return statement.format(sql.Identifier(found["datname"]), sql.SQL(" ").join(parts)).as_string(source)


def empty(place: Place) -> Finding:
    """The copy's database holds no object of its own; what belongs to an extension does not count."""
    rows = place.session.execute(_EMPTY).fetchall()
    name = quoted(str(place.database))
    return finding(
        not rows,
        amount(len(rows), "object") if rows else "empty",
        "an empty database",
        f"If nothing in it is needed: drop database {name}; create database {name} template template0;",
        [name for (name,) in rows[:_NAMED]]
        + ([f"and {len(rows) - _NAMED} more"] if len(rows) > _NAMED else []),
    )


def leftovers(place: Place) -> Finding:
    """Nothing of an earlier migration of this database is left on the node."""
    rows = place.session.execute(_LEFTOVERS).fetchall()
    return finding(
        not rows,
        "left by an earlier migration: " + ", ".join(what for what, _ in rows) if rows else "none",
        "no schema or publication mwa, and no slot, publication, subscription or event trigger named mwa_...",
        "Remove the pair they belong to in the portal; if there is none, in this database: "
        + " ".join(remedy for _, remedy in rows),
        [what for what, _ in rows],
    )


def other_replication(place: Place) -> Finding:
    """Nobody else replicates this database.

    A subscription on the source is a failure: its rows bear an origin, and our stream (origin=none) leaves
    out rows that do. Everything else can go on, but is lost or repeated at the swap.
    """
    rows = place.session.execute(_REPLICATION).fetchall()
    subscribed = place.side == "source" and any(kind == "subscription" for kind, _ in rows)
    return finding(
        not rows,
        ", ".join(f"{kind} {name}" for kind, name in rows) or "none",
        "no subscription, whose rows the stream would leave out"
        if subscribed
        else "no other logical replication",
        "Migrate from the server the subscription reads from, or drop the subscription first."
        if subscribed
        else "Drop it if it is not needed; if it is, set it up again on the new primary after the swap.",
        [f"{kind} {name}" for kind, name in rows],
        otherwise="failed" if subscribed else "warning",
    )


def event_triggers(place: Place) -> Finding:
    """The event triggers, for information: those enabled ALWAYS or REPLICA fire for statements of ours."""
    rows = place.session.execute(
        "select evtname || ' on ' || evtevent from pg_event_trigger"
        " where evtname not like 'mwa\\_%%' and evtenabled <> 'D' order by 1",
        (),
    ).fetchall()
    names = [name for (name,) in rows]
    return finding(True, ", ".join(names) or "none", "known to the administrator", "", names)
