"""What we put on a node, and how all of it goes away again."""

from pathlib import Path

from psycopg import sql

from . import apply_role, standbys
from .connect import Connection, one
from .outside import unnoticed
from .publication import IDENTITY, PUBLICATION, give_back_identity

_HERE = Path(__file__).parent
_DEFINITIONS = _HERE / "definitions"
_LAST = ("dispatch", "triggers")  # they name what the files before them make


def install(connection: Connection) -> None:
    """Schema mwa with its event triggers and the (still empty) publication; again and again is fine."""
    with unnoticed(connection), connection.transaction():
        connection.execute("set local search_path = pg_catalog")
        connection.execute("set local check_function_bodies = off")  # they name each other
        for file in _files():
            connection.execute(file.read_text())
        if not one(connection, "select 1 from pg_publication where pubname = %s", (PUBLICATION,)):
            connection.execute(
                sql.SQL("create publication {} for table mwa.definition_changes").format(
                    sql.Identifier(PUBLICATION)
                )
            )


def _files() -> list[Path]:
    """All SQL that makes schema mwa, in order."""
    first, last = [_DEFINITIONS / "framework.sql"], [_DEFINITIONS / f"{name}.sql" for name in _LAST]
    kinds = sorted(set(_DEFINITIONS.glob("*.sql")) - {*first, *last})
    return [_HERE / "install.sql", *first, *kinds, *last]


def dispatch() -> str:
    """The SQL that decides which kinds of object are described."""
    return (_DEFINITIONS / "dispatch.sql").read_text()


def learn(connection: Connection) -> int:
    """Describe every object as it is now: what changes from here on is noted. Returns how many there are."""
    with connection.transaction():
        return int(one(connection, "select mwa.learn_all()"))


def uninstall(connection: Connection) -> None:
    """Take back every change on the list and drop everything of ours in this database."""
    if not one(connection, "select to_regnamespace('mwa') is not null"):
        return
    with unnoticed(connection):
        _uninstall(connection)


def _uninstall(connection: Connection) -> None:
    connection.execute(
        "drop event trigger if exists mwa_definition; drop event trigger if exists mwa_drop;"
        " drop event trigger if exists mwa_rewrite; drop event trigger if exists mwa_unlogged"
    )
    connection.execute(sql.SQL("drop publication if exists {}").format(sql.Identifier(PUBLICATION)))
    changes = connection.execute(
        "select id, object, setting, value_before, undo, table_oid from mwa.changed_outside order by id desc"
    ).fetchall()
    for entry, what, setting, before, undo, table_oid in changes:  # not all can be part of a transaction
        if setting == standbys.SETTING:
            standbys.remove(connection, what, before)
        elif setting == IDENTITY:
            give_back_identity(connection, table_oid, before)
        else:
            connection.execute(undo)
        connection.execute("delete from mwa.changed_outside where id = %s", (entry,))
    connection.execute("drop schema mwa cascade")
    apply_role.remove(connection)
