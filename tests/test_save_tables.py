"""Every kind of table arrives as it is."""

import pytest
from psycopg.conninfo import make_conninfo

from nodes.postgres import catalog
from nodes.postgres.connect import connect, one
from tests.databases import drop_database
from tests.save import Listener, create, rows, run
from tracking.save.copy import CopyFailed
from tracking.save.events import Copied
from tracking.save.plan import plan
from tracking.save.run import SaveOptions, save


def assert_equal(database, *tables):
    for table in tables:
        there = rows(database.source, table)
        assert rows(database.copy, table) == there, table


def test_names_with_quotes_capitals_and_unicode(database):
    name = '"Über"."we""ird \' $$ :x \\ täble"'
    create(database, f'create schema "Über"; create table {name} ("select" int, "ä""b\\" text)')
    database.source.execute(f"insert into {name} values (1, 'a\nb'), (2, null)")
    saved = run(database)
    assert [str(table) for table in saved.copied] == ["Über.we\"ird ' $$ :x \\ täble"]
    assert_equal(database, name)


def test_a_database_without_an_encoding_keeps_its_bytes(servers, databases):
    for server in (servers.source, servers.copy):
        with connect(server.conninfo(), "test") as admin:
            admin.execute("create database bytes encoding 'SQL_ASCII' template template0 locale 'C'")
    here, there = servers.source.conninfo("bytes"), servers.copy.conninfo("bytes")
    for conninfo in (here, there):
        with connect(conninfo, "test") as session:
            session.execute("create type public.p as (a text)")
            session.execute("create table public.raw (a text); create table public.as_text (a public.p)")
    with connect(here, "test") as source:
        source.execute("insert into public.raw select convert_from('\\xe4ff41', 'SQL_ASCII')")
        source.execute("insert into public.as_text select row(a)::public.p from public.raw")
    save(here, there, SaveOptions(), (), Listener())
    with connect(there, "test") as copy:
        assert one(copy, "select a::bytea from public.raw") == b"\xe4\xffA"
        assert one(copy, "select (a).a::bytea from public.as_text") == b"\xe4\xffA"
    for server in (servers.source, servers.copy):
        drop_database(server, "bytes")


def test_another_encoding_than_utf8_is_no_obstacle(servers):
    for server in (servers.source, servers.copy):
        with connect(server.conninfo(), "test") as admin:
            admin.execute("create database latin encoding 'LATIN1' template template0 locale 'C'")
        with connect(server.conninfo("latin"), "test") as session:
            session.execute('create table public."Größe" ("ä" text)')
    with connect(servers.source.conninfo("latin"), "test") as source:
        source.execute("insert into public.\"Größe\" values ('ß')")
    save(servers.source.conninfo("latin"), servers.copy.conninfo("latin"), SaveOptions(), (), Listener())
    with connect(servers.copy.conninfo("latin"), "test") as copy:
        assert one(copy, 'select "ä" from public."Größe"') == "ß"
    for server in (servers.source, servers.copy):
        drop_database(server, "latin")


def test_tables_without_columns_and_without_rows(database):
    create(
        database,
        """
        create table nothing (); create table empty (a int);
        create table computed (a int generated always as (1 + 1) stored);
    """,
    )
    database.source.execute("insert into nothing default values; insert into nothing default values")
    database.source.execute("insert into computed default values")
    listener = Listener()
    run(database, listener)
    assert {str(event.table): event.rows for event in listener.of(Copied)} == {
        "public.nothing": 2, "public.empty": 0, "public.computed": 1,
    }  # fmt: skip
    assert_equal(database, "nothing", "empty", "computed")


def test_generated_and_identity_columns_keep_their_values(database):
    create(
        database,
        """
        create table orders (id bigint generated always as identity, net int, total int
                             generated always as (net * 2) stored, dropped int, note text);
        alter table orders drop column dropped;
    """,
    )
    database.source.execute("insert into orders (net, note) select n, 'n' || n from generate_series(1, 50) n")
    database.source.execute("delete from orders where id < 10")
    run(database)
    assert_equal(database, "orders")


def test_partitions_and_children_arrive_in_their_own_tables(database):
    create(
        database,
        """
        create table log (day date, what text) partition by range (day);
        create table log_old partition of log for values from ('2020-01-01') to ('2021-01-01');
        create table log_rest partition of log default;
        create table parent (a int); create table child (b int) inherits (parent);
    """,
    )
    database.source.execute("insert into log values ('2020-05-05', 'old'), ('2024-05-05', 'new')")
    database.source.execute("insert into parent values (1); insert into child values (2, 3)")
    run(database)
    assert_equal(database, "log_old", "log_rest", "parent", "child")


def test_types_whose_binary_form_names_other_objects_travel_as_text(database):
    database.copy.execute("create table shift_all_oids (a int)")
    create(
        database,
        """
        create type mood as enum ('sad', 'ok'); create type pair as (a int, b mood);
        create domain moods as mood[]; create domain posint as int check (value > 0);
        create table plain (a int[], b numeric, c timestamptz, d jsonb, e mood, f posint, g int4range,
                            h bytea);
        create table enums (a mood[]); create table pairs (a pair); create table list (a pair[]);
        create table domains (a moods); create table classes (a regclass); create table doc (a xml);
    """,
    )
    database.source.execute("""
        insert into plain values ('{1,2}', 1.50, now(), '{"a": 1}', 'ok', 7, '[1,5)', '\\x00ff');
        insert into enums values ('{sad,ok}'); insert into pairs values (row(1, 'ok'));
        insert into list values (array[row(1, 'sad')::pair]); insert into domains values ('{ok}');
        insert into classes values ('plain');
    """)
    plans = plan(database.source, catalog.tables(database.source), 1 << 30)
    assert [str(planned.table) for planned in plans if planned.chunks[0].binary] == ["public.plain"]
    run(database)
    assert_equal(database, "plain", "enums", "pairs", "list", "domains", "classes")


def test_text_does_not_depend_on_the_databases_settings(database):
    create(database, "create type p as (a int); create table t (a date, b interval, c float8, d p)")
    name = database.name
    database.source.execute(f"alter database {name} set datestyle = 'German'")
    database.source.execute(f"alter database {name} set intervalstyle = 'sql_standard'")
    database.source.execute(f"alter database {name} set extra_float_digits = -5")
    database.source.execute(
        "insert into t values ('2024-03-04', '1 year -2 days', 0.1::float8 + 0.2, row(1))"
    )
    run(database)
    assert_equal(database, "t")


def test_an_unlogged_table_is_copied_and_said_to_be_unlogged(database):
    create(database, "create unlogged table scratch (a int); create table kept (a int)")
    database.source.execute("insert into scratch values (1); insert into kept values (1)")
    listener = Listener()
    run(database, listener)
    assert {str(e.table): e.unlogged for e in listener.of(Copied)} == {
        "public.scratch": True, "public.kept": False,
    }  # fmt: skip
    assert_equal(database, "scratch")


@pytest.mark.parametrize("split_bytes", [1 << 30, 100_000])
def test_a_table_arrives_whole_whether_it_is_split_or_not(database, split_bytes):
    create(database, "create table big (id int, filler text)")
    database.source.execute(
        "insert into big select n, repeat('x', 100) from generate_series(1, 5000) n;"
        "delete from big where id % 7 = 0"
    )
    listener = Listener()
    run(database, listener, split_bytes=split_bytes)
    assert_equal(database, "big")
    (copied,) = listener.of(Copied)
    assert copied.rows == len(rows(database.source, "big")) and copied.bytes > 400_000


def test_a_row_filter_refuses_instead_of_leaving_rows_out(database):
    """Read by a table owner without BYPASSRLS; see `row_security` in the PostgreSQL documentation."""
    role = f"owner_{database.name}"
    create(database, "create table secret (a int)")
    database.source.execute(f"create role {role} login; grant all on schema public to {role}")
    try:
        database.source.execute(f"""
            alter table secret owner to {role}; alter table secret enable row level security;
            alter table secret force row level security; create policy few on secret using (a > 1);
            insert into secret values (1), (2);
        """)
        source = make_conninfo(database.source_conninfo, user=role)
        with pytest.raises(CopyFailed, match=r"public\.secret: .*row-level security"):
            save(source, database.copy_conninfo, SaveOptions(), (), Listener())
    finally:
        database.source.execute(f"drop owned by {role}; drop role {role}")
