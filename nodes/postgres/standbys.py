"""The setting `synchronous_standby_names`, which may have other owners: combined with, never overwritten.

Other databases of the server may be mirrored, too, each with a name of its own in it. So what was there when
ours was put in need not be right when it goes out again.
"""

import re

from psycopg import sql

from .connect import Connection, one, wait_until

SETTING = "synchronous_standby_names"
# PostgreSQL documentation, "synchronous_standby_names"
_LIST = re.compile(r"^\s*(?:(FIRST\s+|ANY\s+)?(\d+)\s*\((.*)\)|([^()]*))\s*$", re.IGNORECASE | re.DOTALL)
_NAME = re.compile(r'"(?:[^"]|"")*"|[^\s,"]+')


class CannotCombine(Exception):
    """The standbys that are set already cannot be combined with ours."""


def combine(present: str, name: str) -> str:
    """The setting that waits for `name` and for what it waited for before.

    Raises `CannotCombine` for a quorum (ANY n): no list can say "ours, and any n of the others".
    """
    if not present.strip():
        return f'"{name}"'
    if f'"{name}"' in present:
        return present
    kind, count, names = _taken_apart(present)
    if kind == "ANY":
        raise CannotCombine(
            f"{SETTING} is {present!r}; a quorum cannot be combined with another standby,"
            " needed is a list of priorities (FIRST n)"
        )
    return f'FIRST {count + 1} ("{name}", {", ".join(names)})'


def without(present: str, name: str) -> str:
    """The setting that waits for what it waited for but for `name`."""
    if f'"{name}"' not in present:
        return present
    kind, count, names = _taken_apart(present)
    rest = [each for each in names if each != f'"{name}"']
    if not rest:
        return ""
    fewer = count - 1 if kind == "FIRST" else min(count, len(rest))
    return f"{kind} {max(fewer, 1)} ({', '.join(rest)})"


def present(connection: Connection) -> str:
    """The setting as it is now."""
    return str(one(connection, f"show {SETTING}"))


def put(connection: Connection, value: str) -> None:
    """Set it, and wait until the server has taken it over; where a file says the same, it is reset."""
    file = one(
        connection,
        "select setting from pg_file_settings where name = %s"
        " and sourcefile not like '%%postgresql.auto.conf' order by seqno desc limit 1",
        (SETTING,),
    )
    action = sql.SQL("reset {}" if value == (file or "") else "set {} = {}")
    connection.execute(sql.SQL("alter system ") + action.format(sql.SQL(SETTING), value))
    connection.execute("select pg_reload_conf()")
    wait_until(lambda: present(connection) == value, f"the server to take over {SETTING}", seconds=5)


def remove(connection: Connection, name: str, before: str) -> None:
    """Take the name out; exactly what was there `before`, if nobody else has changed it since."""
    now = present(connection)
    if f'"{name}"' in now:
        put(connection, before if combine(before, name) == now else without(now, name))


def _taken_apart(present: str) -> tuple[str, int, list[str]]:
    found = _LIST.match(present)
    if not found:
        raise CannotCombine(f"{SETTING} is {present!r}, which cannot be read")
    kind = (found[1] or "FIRST").strip().upper()
    return kind, int(found[2] or 1), _NAME.findall(found[3] or found[4])
