import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest
from psycopg.errors import ReadOnlySqlTransaction

from nodes.postgres import preflight
from nodes.postgres.connect import connect, one, wait_until
from nodes.postgres.preflight import Options
from nodes.postgres.preflight.place import Node
from tests.preflight import held, look, texts, the

# The two servers are set up as embedded nodes are: no limit on kept WAL, no checksums in version 16. And as
# servers of tests (`NO_POWER_CUT`).
ALLOWED = {
    ("WAL kept for slots", "source"), ("WAL kept for slots", "copy"), ("data checksums", "source"),
    ("durability", "source"), ("durability", "copy"),
}  # fmt: skip


def test_two_new_databases_pass_every_check(database):
    checks = look(database)
    assert preflight.passed(checks)
    assert {(check.name, check.node) for check in checks if check.status != "passed"} <= ALLOWED
    assert len({(check.name, check.node, check.database) for check in checks}) == len(checks)


def test_both_nodes_hold_the_same_before_and_after(database, servers):
    database.source.execute("create table bill (id int primary key); create table loose (a int)")
    before = held(servers.source.conninfo()), held(servers.copy.conninfo())
    for _ in range(2):
        look(database, create_database=True)
    assert (held(servers.source.conninfo()), held(servers.copy.conninfo())) == before


def test_the_sessions_that_look_may_not_write(database):
    node = Node("source", database.source_conninfo)
    with pytest.raises(ReadOnlySqlTransaction):
        node.session().execute("create table public.mark (id int)")
    node.close()


def test_several_runs_at_once_do_not_see_each_other(database):
    with ThreadPoolExecutor(4) as pool:
        runs = list(pool.map(lambda _: look(database), range(4)))
    assert all(preflight.passed(checks) for checks in runs)


def test_a_run_that_is_killed_leaves_nothing(database, servers):
    before = held(servers.source.conninfo()), held(servers.copy.conninfo())
    program = (
        "import sys; from nodes.postgres import preflight\n"
        "while True: preflight.run(sys.argv[1], sys.argv[2], [sys.argv[3]])"
    )
    command = [sys.executable, "-c", program, database.source_conninfo, database.copy_conninfo, database.name]
    visitor = "select exists (select from pg_stat_activity where application_name like 'mwa_preflight%%')"
    for session in (database.source, database.copy):
        process = subprocess.Popen(command)
        try:
            wait_until(lambda: one(session, visitor, ()), "a try from the other node", seconds=20, every=0)  # noqa: B023
        finally:
            process.send_signal(signal.SIGKILL)
            process.wait()
    ours = "select count(*) from pg_stat_activity where application_name ~ '^mwa.preflight'"
    wait_until(
        lambda: one(database.source, ours) == one(database.copy, ours) == 0, "the sessions to end", seconds=20
    )
    assert (held(servers.source.conninfo()), held(servers.copy.conninfo())) == before
    assert preflight.passed(look(database))


def test_an_event_trigger_that_forbids_definitions_neither_fires_nor_hinders(database):
    for session in (database.source, database.copy):
        session.execute("""
            create function forbid() returns event_trigger language plpgsql
                as $$ begin raise exception 'forbidden: %', tg_tag; end $$;
            create event trigger forbid on ddl_command_start execute function forbid();
        """)
    checks = look(database)
    assert the(checks, "source reached from copy").status == "passed"
    assert the(checks, "copy reached from source").status == "passed"
    listed = the(checks, "event triggers")
    assert listed.status == "passed" and listed.objects == ("forbid on ddl_command_start",)


def test_no_session_of_ours_stays(database, servers):
    look(database)
    for server in (servers.source, servers.copy):
        with connect(server.conninfo(), "test") as session:
            query = "select count(*) from pg_stat_activity where application_name like 'mwa preflight%%'"
            wait_until(lambda: one(session, query, ()) == 0, "our sessions to end", seconds=5)  # noqa: B023


def test_a_table_locked_by_somebody_is_not_waited_for(database):
    database.source.execute("create table locked (id int primary key)")
    with connect(database.source_conninfo, "holder", autocommit=False) as holder:
        holder.execute("lock table public.locked in access exclusive mode")
        checks = look(database)
    assert the(checks, "tables without a key").status == "passed"


def test_a_check_that_cannot_be_carried_out_fails_with_the_servers_message(database):
    database.source.execute("revoke select on pg_largeobject_metadata from public")
    try:
        role = f"create role reader login; grant connect on database {database.name} to reader"
        database.source.execute(role)
        conninfo = database.source_conninfo.replace("user=postgres", "user=reader")
        checks = preflight.run(conninfo, database.copy_conninfo, [database.name], Options())
        check = the(checks, "large objects")
        assert check.status == "failed" and "permission denied" in check.observed
    finally:
        database.source.execute("grant select on pg_largeobject_metadata to public")
        database.source.execute(f"revoke all on database {database.name} from reader; drop role reader")


@pytest.mark.parametrize("databases", [[], ["template1"], ["shop", "shop"]])
def test_a_list_of_databases_that_makes_no_sense_is_refused(servers, databases):
    checks = preflight.run(servers.source.conninfo(), servers.copy.conninfo(), databases)
    assert the(checks, "databases given").status == "failed"
    assert not preflight.passed(checks)


def test_no_check_at_all_is_not_a_pass():
    assert not preflight.passed([])


def test_the_report_is_aligned_and_says_what_to_do(database):
    database.source.execute("create table a (x int); create table b (x int)")
    lines = preflight.report(look(database)).splitlines()
    (line,) = [line for line in lines if "tables without a key" in line]
    assert line.startswith("WARNING  tables without a key") and line.endswith("2 tables without a key")
    position = lines.index(line)
    assert [text.split()[0] for text in lines[position + 1 : position + 4]] == ["needed", "remedy", "objects"]
    assert "public.a" in lines[position + 3] and "public.b" in lines[position + 3]
    heads = [line for line in lines if line.startswith(("passed", "WARNING", "FAILED"))]
    assert len({line.index(f"  {database.name}  ") for line in heads if f"  {database.name}  " in line}) == 1
    warnings = sum(line.startswith("WARNING") for line in lines)
    assert lines[-1].endswith(f"{warnings} warnings, 0 failed")
    assert "password" not in texts(look(database)).lower().replace("password in it", "")
