import shutil
import subprocess
import tempfile
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from nodes.postgres import install
from nodes.postgres.connect import connect, for_database, one
from tests.restore import NASTY, carried, drop_roles, found, named, one_found, run
from tracking.restore.inspect import CarryFailed, Difference, carry, inspect

TABLESPACE, TRIGGER, SUBSCRIPTION, LABEL = "TABLESPACE", "EVENT TRIGGER", "SUBSCRIPTION", "SECURITY LABEL"
PROVIDER = Path(__file__).with_name("label_provider.c")


@pytest.fixture
def person(database):
    """A role that both nodes have."""
    name = named("person")
    for session in (database.source, database.copy):
        run(session, "create role {} superuser", name)
    yield name
    drop_roles(database, [name])


@pytest.fixture
def tablespace(database):
    """A tablespace on the source."""
    name = named("space")
    for session in (database.source, database.copy):
        session.execute("set allow_in_place_tablespaces = on")
    run(database.source, "create tablespace {} location ''", name)
    yield name
    for session in (database.source, database.copy):
        run(session, "drop tablespace if exists {}", name)


def test_a_missing_tablespace_is_to_be_made_by_hand(database, tablespace):
    difference = one_found(database, TABLESPACE, tablespace)
    assert (difference.change, difference.state) == ("missing", "INELIGIBLE")
    location = one(
        database.source,
        "select pg_tablespace_location(oid) from pg_tablespace where spcname = %s",
        (tablespace,),
    )
    assert location in difference.why and "create tablespace" in difference.why
    with pytest.raises(CarryFailed, match="directory"):
        carry(difference, database.source, database.copy)


def test_owner_options_privileges_and_comment_of_a_tablespace_are_carried(database, tablespace, person):
    run(database.copy, "create tablespace {} location '' with (seq_page_cost = 9)", tablespace)
    run(database.source, "alter tablespace {} owner to {}", tablespace, person)
    run(
        database.source,
        "alter tablespace {} set (random_page_cost = 1.1, maintenance_io_concurrency = 5)",
        tablespace,
    )
    run(database.source, "grant create on tablespace {} to public", tablespace)
    run(database.source, "comment on tablespace {} is 'it''s 100%%'", tablespace)
    assert carried(database, TABLESPACE, tablespace) == ["changed"]
    query = """
        select pg_get_userbyid(spcowner), array(select unnest(spcoptions) order by 1),
               array(select a::text from unnest(spcacl) a order by 1),
               shobj_description(oid, 'pg_tablespace')
        from pg_tablespace where spcname = %s
    """
    here, there = (s.execute(query, (tablespace,)).fetchone() for s in (database.source, database.copy))
    assert here == there
    run(database.source, "alter tablespace {} reset (random_page_cost)", tablespace)
    run(database.source, "revoke create on tablespace {} from public", tablespace)
    assert carried(database, TABLESPACE, tablespace) == ["changed"]


TRIGGERS = """
    select evtname, evtevent, evtfoid::regproc::text, evtenabled, evttags, pg_get_userbyid(evtowner),
           obj_description(oid, 'pg_event_trigger')
    from pg_event_trigger order by 1
"""


@pytest.fixture
def functions(database):
    """Two functions for event triggers on both nodes, in a schema of a nasty name."""
    for session in (database.source, database.copy):
        run(session, "create schema {}", NASTY)
        for name in ("first", NASTY):
            run(
                session,
                "create function {}.{}() returns event_trigger language plpgsql as 'begin end'",
                NASTY, name,
            )  # fmt: skip
    return database


def same_triggers(database) -> int:
    """How many both nodes have."""
    here, there = (session.execute(TRIGGERS).fetchall() for session in (database.source, database.copy))
    assert here == there
    return len(here)


@pytest.mark.parametrize(
    "changes",
    [
        ["alter event trigger {0} disable"],
        ["alter event trigger {0} enable replica"],
        ["alter event trigger {0} enable always"],
        ["comment on event trigger {0} is 'it''s 100%%'"],
        [
            "drop event trigger {0}",
            "create event trigger {0} on sql_drop when tag in ('DROP TABLE') execute function {0}.first()",
        ],
        [
            "drop event trigger {0}",
            "create event trigger {0} on ddl_command_start execute function {0}.{0}()",
        ],
    ],
)
def test_an_event_trigger_is_carried_and_so_is_its_change(functions, changes):
    run(
        functions.source,
        "create event trigger {0} on ddl_command_start when tag in ('CREATE VIEW', 'DROP VIEW')"
        " execute function {0}.{0}()",
        NASTY,
    )
    assert carried(functions, TRIGGER) == ["missing"]
    assert same_triggers(functions) == 1
    for change in changes:
        run(functions.source, change, NASTY)
    assert carried(functions, TRIGGER) == ["changed"]
    assert same_triggers(functions) == 1
    run(functions.source, "drop event trigger {}", NASTY)
    assert carried(functions, TRIGGER) == ["not on the source any more"]
    assert same_triggers(functions) == 0


def test_the_owner_of_an_event_trigger_is_carried(functions, person):
    run(functions.source, "create event trigger mine on sql_drop execute function {0}.{0}()", NASTY)
    run(functions.source, "alter event trigger mine owner to {}", person)
    assert carried(functions, TRIGGER) == ["missing"]
    assert same_triggers(functions) == 1
    for session in (functions.source, functions.copy):
        session.execute("drop event trigger mine")


def test_our_own_event_triggers_are_no_difference(functions):
    install.install(functions.source)
    assert one(functions.source, "select count(*) from pg_event_trigger") > 0
    assert found(functions, TRIGGER) == []


def test_a_trigger_that_forbids_everything_does_not_hinder_us(functions):
    """Neither one that is there already nor one that is carried."""
    for session in (functions.source, functions.copy):
        session.execute(
            "create function forbid() returns event_trigger language plpgsql as"
            " $$ begin raise exception 'forbidden'; end $$"
        )
    functions.copy.execute("create event trigger forbid on ddl_command_start execute function forbid()")
    functions.copy.execute("create event trigger forbid_end on ddl_command_end execute function forbid()")
    one(functions.source, "select lo_from_bytea(77777, 'x')")
    functions.source.execute("comment on large object 77777 is 'x'")
    assert carried(functions, "LARGE OBJECT") == ["missing"]
    assert carried(functions, TRIGGER) == ["not on the source any more"] * 2


def test_a_function_that_the_copy_lacks_is_named(functions):
    run(functions.source, "create event trigger mine on sql_drop execute function {0}.{0}()", NASTY)
    run(functions.copy, "drop function {0}.{0}()", NASTY)
    with pytest.raises(CarryFailed, match=r"event trigger mine: function .* does not exist"):
        carry(one_found(functions, TRIGGER), functions.source, functions.copy)


def subscribe(session, name: str) -> None:
    """One that has no slot and never connects, with a password."""
    run(
        session,
        "create subscription {0} connection 'host=elsewhere password=hush user=u' publication {0}, p"
        " with (connect = false, slot_name = none)",
        name,
    )


def test_a_subscription_is_to_be_made_by_hand_and_its_password_is_not_shown(database):
    subscribe(database.source, NASTY)
    difference = one_found(database, SUBSCRIPTION)
    assert (difference.name, difference.change, difference.state) == (NASTY, "missing", "INELIGIBLE")
    assert "host=elsewhere" in difference.why and "hush" not in repr(difference)
    with pytest.raises(CarryFailed):
        carry(difference, database.source, database.copy)
    subscribe(database.copy, NASTY)
    assert found(database, SUBSCRIPTION) == []
    run(database.copy, "alter subscription {} set publication q with (refresh = false)", NASTY)
    assert one_found(database, SUBSCRIPTION).change == "changed"
    run(database.source, "drop subscription {}", NASTY)
    difference = one_found(database, SUBSCRIPTION)
    assert (difference.change, difference.state) == ("not on the source any more", "INELIGIBLE")


def test_our_own_subscriptions_are_no_difference(database):
    subscribe(database.copy, "mwa_shop_1")
    assert found(database, SUBSCRIPTION) == []


def test_a_label_whose_provider_the_copy_lacks_is_to_be_done_by_hand(database):
    run(database.source, "create table {} (id int)", NASTY)
    database.source.execute(
        "insert into pg_seclabel select oid, 'pg_class'::regclass, 0, 'selinux', 'it''s 100%%'"
        " from pg_class where relname = %s",
        (NASTY,),
    )
    difference = one_found(database, LABEL)
    assert (difference.change, difference.state) == ("missing", "INELIGIBLE")
    assert "provider selinux" in difference.why and "100%" in difference.why


@pytest.fixture
def labelling(database, person):
    """Sessions on both nodes that have loaded a provider, and its name."""
    compiler = shutil.which("cc")
    if compiler is None:
        pytest.skip("a provider of labels has to be compiled")
    top = Path(tempfile.mkdtemp(prefix="mwa-label-"))
    top.chmod(0o755)
    sessions = []
    for number, conninfo in enumerate((database.source_conninfo, database.copy_conninfo)):
        session = connect(conninfo, "test")
        sessions.append(session)
        headers = one(session, "select setting from pg_config where name = 'INCLUDEDIR-SERVER'")
        library = top / f"provider{number}.so"
        made = subprocess.run(
            [compiler, "-shared", "-fPIC", "-I", headers, str(PROVIDER), "-o", str(library)],
            capture_output=True, check=False,
        )  # fmt: skip
        if made.returncode:
            pytest.skip(f"the provider could not be compiled: {made.stderr.decode()[:200]}")
        session.execute(sql.SQL("load {}").format(str(library)))
    yield sessions
    for session in sessions:
        session.close()
    shutil.rmtree(top)


def test_labels_are_carried_where_the_provider_is(labelling, database, person):
    source, copy = labelling
    for session in labelling:
        run(session, "create schema {0}", NASTY)
        run(session, "create table {0}.{0} ({0} int)", NASTY)
        run(
            session,
            "create function {0}.{0}(a int = 7, b text[] = null) returns int language sql as 'select 1'",
            NASTY,
        )
        run(session, "create view {0}.v as select 1 as n", NASTY)
        run(session, "create domain {0}.d as int", NASTY)
        run(session, "create type {0}.c as (n int)", NASTY)
    objects = [
        "table {0}.{0}", "column {0}.{0}.{0}", "function {0}.{0}(int, text[])", "view {0}.v", "domain {0}.d",
        "type {0}.c", "schema {0}", "role {1}", "database {2}",
    ]  # fmt: skip
    for each in objects:
        label = f"security label for \"accept all\" on {each} is 'it''s 100%'"
        run(source, label, NASTY, person, database.name)

    def labels() -> list[Difference]:
        return [each for each in inspect(source, copy) if each.object_type == LABEL]

    assert {each.state for each in labels()} == {"READY"} and len(labels()) == len(objects)
    for difference in labels() * 2:
        carry(difference, source, copy)
    assert labels() == []
    query = "select count(*) from pg_seclabels where label = 'it''s 100%'"
    assert one(source, query) == one(copy, query) == len(objects)
    run(source, "security label for \"accept all\" on table {0}.{0} is 'new'", NASTY)
    run(source, 'security label for "accept all" on role {0} is null', person)
    assert sorted(each.change for each in labels()) == ["changed", "not on the source any more"]
    for difference in labels() * 2:
        carry(difference, source, copy)
    assert labels() == []


def test_a_kind_that_may_not_be_read_hides_no_other(database):
    name = named("reader")
    run(database.source, "create role {} login", name)
    run(database.copy, "create role {} login", name)
    one(database.source, "select lo_from_bytea(0, 'x')")
    run(database.source, "comment on database {} is 'x'", database.name)
    database.source.execute(sql.SQL("set role {}").format(sql.Identifier(name)))
    try:
        differences = inspect(database.source, database.copy)
    finally:
        database.source.execute("reset role")
        drop_roles(database, [name])
    unreadable = {each.object_type: each for each in differences if each.change == "cannot be read"}
    assert {"LARGE OBJECT", "SYSTEM SETTING", SUBSCRIPTION} <= set(unreadable)
    assert unreadable["LARGE OBJECT"].state == "INELIGIBLE"
    assert "permission denied" in unreadable["LARGE OBJECT"].why
    assert "DATABASE" in {each.object_type for each in differences if each.state == "READY"}


def test_what_belongs_to_the_whole_server_can_be_left_out(database, person):
    run(database.source, "alter role {} nosuperuser", person)
    run(database.source, "comment on database {} is 'x'", database.name)
    kinds = {each.object_type for each in inspect(database.source, database.copy, cluster=False)}
    assert kinds == {"DATABASE"}


def test_a_lost_session_is_an_error_not_a_difference(database, servers):
    difference = Difference("LARGE OBJECT", "", "1", "missing", key=("1", "content"))
    with connect(for_database(servers.copy.conninfo(), database.name), "test") as lost:
        database.copy.execute("select pg_terminate_backend(%s, 5000)", (lost.info.backend_pid,))
        with pytest.raises(psycopg.OperationalError):
            inspect(database.source, lost)
        with pytest.raises(psycopg.OperationalError):
            carry(difference, database.source, lost)
