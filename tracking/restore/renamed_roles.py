"""Roles that have another name now: renamed on the copy as well, with all that they own and may do there.

Made anew under the new name, the role would own nothing of what the old one owns.
"""

from psycopg import sql

from nodes.postgres.connect import Connection

from . import roles

_RENAMED = """
    select k.name, r.rolname::text from mwa.role_names k join pg_roles r on r.oid = k.role
    where r.rolname <> k.name order by k.role
"""


def carry(primary: Connection, secondary: Connection) -> list[str]:
    """Rename what the primary has renamed since `install.learn` or the last time; returns what was done.

    Where the copy has the new name already, or not the old one, roles are compared as ever.
    """
    alone, done = roles.left_alone(primary, secondary), []
    for old, new in primary.execute(_RENAMED).fetchall():
        there = roles.names(secondary)
        if old in there and new not in there and old not in alone:
            rename = sql.SQL("alter role {} rename to {}")
            secondary.execute(rename.format(sql.Identifier(old), sql.Identifier(new)))
            done.append(f"role {old} is {new} now")
    primary.execute("select mwa.learn_roles()")
    return done
