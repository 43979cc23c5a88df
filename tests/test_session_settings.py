"""What somebody has set for a server, a database or a role does not hold for our sessions."""

import pytest
from psycopg import errors, sql

from nodes.postgres.connect import connect, one
from tests.compare import assert_equal, on_both
from tests.save import Meddler, create, locked, rows, run
from tracking.save.events import Waiting

TIMEOUTS = (
    "statement_timeout",
    "lock_timeout",
    "idle_in_transaction_session_timeout",
    "idle_session_timeout",
)
ODD_TEXT = {
    "datestyle": "German, DMY",
    "intervalstyle": "sql_standard",
    "extra_float_digits": "-15",
    "bytea_output": "escape",
    "timezone": "Asia/Tokyo",
    "array_nulls": "off",
    "xmloption": "document",
    "standard_conforming_strings": "off",
}
VALUES = r"""
    create table t (id int primary key, f float8, g float4, d date, z timestamptz, i interval, b bytea,
                    a text[], s text);
    insert into t values
        (1, 0.1::float8 + 0.2, 1.1, '2024-02-03', '2024-02-03 04:05:06.789+00', '1 year -3 days 04:05:06.7',
         '\xdeadbe5c00', array['x', null, 'NULL', '\'], 'it''s \ "q"'),
        (2, '-0', 'NaN', 'infinity', '-infinity', '1 mon', '', '{}', ''),
        (3, 'Infinity', '-0', '4713-01-01 BC', '0001-01-01 BC', '30 days', null, null, '\N');
"""


def set_for(session, name, settings):
    for setting, value in settings.items():
        which = sql.Identifier(name), sql.SQL(setting), sql.Literal(value)
        session.execute(sql.SQL("alter database {} set {} = {}").format(*which))


def test_a_session_outlives_every_timeout(database):
    timeouts = dict.fromkeys(TIMEOUTS, "200ms")
    set_for(database.source, database.name, timeouts)
    set_for(database.copy, database.name, {**timeouts, "transaction_timeout": "200ms"})
    for conninfo in (database.source_conninfo, database.copy_conninfo):
        with connect(conninfo, "x") as idle, connect(conninfo, "x", autocommit=False) as in_transaction:
            in_transaction.execute("select pg_sleep(0.4)")
            idle.execute("select 1")
            idle.execute("select pg_sleep(0.4)")
            in_transaction.execute("select 1")


def test_a_save_outlives_every_timeout_of_the_copy(database):
    create(database, "create table t (a int)")
    database.source.execute("insert into t values (1)")
    timeouts = dict.fromkeys((*TIMEOUTS, "transaction_timeout"), "200ms")
    set_for(database.copy, database.name, timeouts)
    with locked(database, "t") as holder:
        run(database, Meddler(Waiting, lambda: holder.execute("rollback; begin")))
    assert rows(database.copy, "t") == ["(1)"]


def test_what_we_read_cannot_make_a_serializable_transaction_fail(database):
    """Two that would be serializable one after the other; a third that reads what neither order explains."""
    set_for(database.source, database.name, {"default_transaction_isolation": "serializable"})
    database.source.execute("create table t (id int primary key, n int); insert into t values (1, 0), (2, 0)")
    plain = {"search_path": "public", "default_transaction_isolation": "serializable", "autocommit": False}
    with (
        connect(database.source_conninfo, "app", **plain) as first,
        connect(database.source_conninfo, "app", **plain) as second,
        connect(database.source_conninfo, "x") as ours,
    ):
        first.execute("select sum(n) from t")
        second.execute("update t set n = 1 where id = 1")
        second.commit()
        ours.execute("select * from public.t")
        first.execute("update t set n = 1 where id = 2")
        first.commit()


@pytest.mark.parametrize("node", ["source", "copy"])
def test_rows_travel_as_text_unchanged(database, node):
    on_both(database, VALUES)
    database.copy.execute("delete from t")
    set_for(getattr(database, node), database.name, ODD_TEXT)
    with connect(database.source_conninfo, "x") as source, connect(database.copy_conninfo, "x") as copy:
        with (
            source.cursor().copy("copy public.t to stdout") as read,
            copy.cursor().copy("copy public.t from stdin") as write,
        ):
            for block in read:
                write.write(block)
        strange = r"\'{}"
        assert one(source, sql.SQL("select {}").format(strange)) == strange
    assert_equal(database, "t", 3)


def test_rows_are_refused_and_not_left_out(database):
    """Row level security must never decide what is copied or compared."""
    role = f"owner_{database.name}"
    database.source.execute(f"""
        create role {role} login; create table t (a int); alter table t owner to {role};
        alter table t enable row level security; alter table t force row level security;
    """)
    try:
        with (
            connect(f"{database.source_conninfo} user={role}", "x") as session,
            pytest.raises(errors.InsufficientPrivilege, match="row-level security"),
        ):
            session.execute("select * from public.t")
    finally:
        database.source.execute(f"drop owned by {role}; drop role {role}")
