"""Can each node be reached with the string that was given, and does it lead to one primary?"""

from psycopg.conninfo import conninfo_to_dict, make_conninfo

from nodes.postgres.connect import Connection, Unreachable, connect, describe, one
from nodes.postgres.preflight.check import Finding, amount, finding, quoted
from nodes.postgres.preflight.place import Place, redact, shown_secret, unreadable

_SAMPLES = 4  # sessions opened to find a balancer that leads to a different server each time
_WHO = "select pg_postmaster_start_time()::text || ' port ' || current_setting('port')"

# libpq gives no SQLSTATE for a refused connection, so the message decides; the last line is for all others.
_REMEDIES = (
    ("pg_hba.conf", "Allow this host in pg_hba.conf, then: select pg_reload_conf();"),
    ("password", "Give the role's password, or set it on the server: alter role {user} password '...';"),
    (
        "role ",
        "Give a role that exists and may log in, or: create role {user} superuser login password '...';",
    ),
    ("database ", "Give a database that exists: psql --list shows them; or: createdb {dbname}"),
    ("unsupported startup parameter", "Give the server itself, not a connection pooler in front of it."),
    ("too many", "End sessions or raise max_connections (needs a restart)."),
    ("connection slots", "End sessions or raise max_connections (needs a restart)."),
    ("", "Is the server running there? Try: pg_isready --host={host} --port={port}"),
)
_DEFAULTS = {"host": "localhost", "port": "5432", "user": "the_role", "dbname": "the_database"}


def connection(place: Place) -> Finding:
    """A session can be opened with the node's connection string."""
    needed = "a session with the connection string given"
    if reason := unreadable(place.node.conninfo):
        example = "postgresql://user:password@host:5432/database"
        return finding(
            False, reason, needed, f"Write it as {example}, with @ as %40 and / as %2F in the password."
        )
    if secret := shown_secret(place.node.conninfo):
        return finding(
            False,
            f"it holds {secret}",
            "no secret but the password: client programs would show it on their command line",
            "Give a key file without a passphrase that only the portal's own user can read (sslkey).",
        )
    try:
        session = place.session
    except Unreachable as error:
        given = place.node.conninfo
        message = redact(str(error), given)
        return finding(False, message, needed, redact(_remedy(given, message), given))
    version = one(session, "show server_version")
    return finding(True, f"PostgreSQL {version} at {describe(place.node.conninfo)}", needed, "")


def _remedy(conninfo: str, message: str) -> str:
    parts = conninfo_to_dict(conninfo)
    known = {key: str(parts.get(key) or default) for key, default in _DEFAULTS.items()}
    reason = message.rpartition("FATAL:")[2] if "FATAL:" in message else message.rpartition("failed:")[2]
    return next(remedy for pattern, remedy in _REMEDIES if pattern in reason).format(**known)


def one_server(place: Place) -> Finding:
    """The string always leads to the same server: slots and snapshots live on one server only."""
    parts = conninfo_to_dict(place.node.conninfo)
    hosts = str(parts.get("host") or parts.get("hostaddr") or "").split(",")
    primary_only = parts.get("target_session_attrs") in ("read-write", "primary")
    seen = {_who(place.session)}
    for _ in range(_SAMPLES - 1):
        with connect(place.node.conninfo, "preflight") as session:
            seen.add(_who(session))
    return finding(
        len(seen) == 1 and (len(hosts) == 1 or primary_only),
        f"{amount(len(hosts), 'host')} given, {amount(len(seen), 'server')} met in {_SAMPLES} sessions",
        "one server, the primary, in every session",
        "Give the primary's own address, or several hosts with target_session_attrs=read-write; "
        "no load balancer, and no load_balance_hosts.",
    )


def _who(session: Connection) -> str:
    return str(one(session, _WHO))


def primary(place: Place) -> Finding:
    """The node is not a standby: nothing can be published from or restored into one."""
    standby = bool(one(place.session, "select pg_is_in_recovery()"))
    return finding(
        not standby,
        "a standby in recovery" if standby else "a primary",
        "a primary",
        "Give the primary's connection string; on the standby it is in: show primary_conninfo;",
    )


def replication_connection(place: Place) -> Finding:
    """A replication session can be opened: REPLICATION, a pg_hba.conf line and a free WAL sender."""
    needed = "a session with replication=database"
    conninfo = place.node.conninfo_in(place.node.nearest(place.database))
    try:
        connect(make_conninfo(conninfo, replication="database"), "preflight").close()
    except Unreachable as error:
        user = quoted(place.node.session().info.user)
        return finding(
            False,
            redact(str(error), conninfo),
            needed,
            f"alter role {user} replication; and in pg_hba.conf a line for the database by its name (the "
            "word replication there is for physical replication only), then: select pg_reload_conf();",
        )
    return finding(True, "opened and closed again", needed, "")
