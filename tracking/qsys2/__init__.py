"""The views of IBM i's names: taken away before migrations, and made anew from the files beside this one.

So a migration may change any column that a view uses. Where nothing is migrated and the files are the same
the views stay as they are: whoever is reading them would have to be waited for.
"""

from hashlib import sha256
from pathlib import Path

from django.db import connections, transaction
from django.db.migrations.executor import MigrationExecutor

_HERE = Path(__file__).parent
FILES = ("manager.sql", "lists.sql", "files.sql", "mirror.sql", "reader.sql")
_ABOUT = "The migration by the names of IBM i''s services, to be read; made from"
_NAMES = """
    select string_agg(oid::regclass::text, ', ') from pg_class
    where relnamespace = to_regnamespace('qsys2') and relkind = 'v'
"""
_MADE_FROM = "select coalesce(obj_description(to_regnamespace('qsys2'), 'pg_namespace'), '')"


def take_away(*, plan, using, **_) -> None:
    """Before migrations. The schema stays: somebody may have made it for a role that may not."""
    if plan:
        with connections[using].cursor() as cursor:
            _drop(cursor)


def put(*, using, plan=None, **_) -> None:
    """After migrations, if these were all there are; a flush, which has no plan, changes nothing."""
    if plan is None or _behind(connections[using]):
        return
    with transaction.atomic(using), connections[using].cursor() as cursor:
        cursor.execute("select pg_advisory_xact_lock(hashtext('qsys2'))")  # several processes may be starting
        statements = "".join((_HERE / name).read_text() for name in FILES)
        mark = sha256(statements.encode()).hexdigest()[:16]
        cursor.execute(_MADE_FROM)
        made_from = cursor.fetchone()[0]
        if not made_from.endswith(mark) or _names(cursor) is None:
            _drop(cursor)
            cursor.execute(f"{statements}; comment on schema qsys2 is '{_ABOUT} {mark}'")


def _behind(connection) -> bool:
    executor = MigrationExecutor(connection)
    return bool(executor.migration_plan(executor.loader.graph.leaf_nodes()))


def _names(cursor) -> str | None:
    cursor.execute(_NAMES)
    return cursor.fetchone()[0]


def _drop(cursor) -> None:
    if names := _names(cursor):
        cursor.execute(f"drop view {names} cascade")
