import random
import subprocess
import threading
from pathlib import Path

import pytest
from psycopg.conninfo import make_conninfo

from nodes.models import Node
from nodes.postgres import preflight
from nodes.postgres.connect import connect, one
from tests.test_engine_migration import SHOP, catalogs
from tracking.models import JournalEntry, TableCopy


@pytest.fixture
def untouched(engine):
    """A pair that is not started; in the end nothing may have been touched."""
    engine.database.source.execute(SHOP)
    before = catalogs(engine.database.source), catalogs(engine.database.copy)
    yield engine
    engine.stop()
    assert (catalogs(engine.database.source), catalogs(engine.database.copy)) == before


def refused(engine) -> str:
    """What the engine says when it is told to start."""
    engine.start()
    engine.ask("SYNC")
    engine.until("the refusal", lambda: engine.pair.phase_detail == "E")
    assert engine.pair.phase == "" and engine.pool.step == ""
    return engine.pair.detail_text


def give(engine, which: str, conninfo: str) -> None:
    node = getattr(engine.pair, which)
    Node.objects.filter(pk=node.pk).update(conninfo=conninfo)


def test_a_connection_string_that_is_none(untouched):
    give(untouched, "source", "this is not one, password=sesame")
    said = refused(untouched)
    assert "connection string" in said and "sesame" not in said


@pytest.mark.parametrize("which", ["source", "copy"])
def test_a_server_that_is_not_there_is_named_without_its_password(untouched, which):
    give(untouched, which, "host=/nowhere/at/all port=1 user=postgres password=sesame")
    said = refused(untouched)
    assert "/nowhere/at/all" in said and "sesame" not in said


def test_a_server_that_is_away_is_waited_for(untouched):
    """It is no mistake of the person who has asked; once it answers, the migration begins."""
    right = untouched.pair.copy.conninfo
    give(untouched, "copy", make_conninfo(right, port=1))
    refused(untouched)
    assert untouched.pair.goal == "SYNC"


def test_a_session_lost_in_the_middle_of_the_preflight_is_no_mistake_of_the_person(engine, monkeypatch):
    engine.database.source.execute(SHOP)
    run, disturbed = preflight.run, []

    def disturb(*given):
        if disturbed:
            return run(*given)
        over = threading.Event()

        def kill() -> None:
            end = "select pg_terminate_backend(pid) from pg_stat_activity where application_name = %s"
            with connect(engine.database.source_conninfo, "test") as killer:
                while not over.wait(random.uniform(0, 0.02)):
                    killer.execute(end, ("mwa preflight",))

        killing = threading.Thread(target=kill)
        killing.start()
        for _ in range(100):  # until it is in the middle that the session is lost, not before the first check
            checks = run(*given)
            disturbed.extend(found for found in checks if found.status == "failed")
            if any(found.name != "connection" for found in disturbed):
                break
        over.set()
        killing.join()
        return checks

    monkeypatch.setattr(preflight, "run", disturb)
    engine.migrate()
    assert any(found.name != "connection" for found in disturbed)
    engine.until_equal()


def test_the_same_server_as_both_nodes(untouched):
    give(untouched, "copy", untouched.pair.source.conninfo)
    assert "same" in refused(untouched)


def test_a_database_that_is_not_there(untouched):
    untouched.pair.pools.update(database="no_such_database")
    assert "no_such_database" in refused(untouched)


def test_a_role_without_rights_is_told_which(untouched, servers):
    with connect(servers.source.conninfo(), "test") as admin:
        if not one(admin, "select 1 from pg_roles where rolname = 'weak'"):
            admin.execute("create role weak login")
    give(untouched, "source", make_conninfo(untouched.pair.source.conninfo, user="weak"))
    said = refused(untouched)
    assert "weak" in said and ("superuser" in said or "replication" in said.lower())


def test_a_copy_that_is_not_empty(untouched):
    copy = untouched.database.copy
    copy.execute("create table already_there (id int)")
    assert "already_there" in refused(untouched)
    copy.execute("drop table already_there")


def test_after_the_mistake_is_mended_the_same_pair_starts(engine):
    engine.database.source.execute(SHOP)
    engine.database.copy.execute("create table already_there (id int)")
    refused(engine)
    engine.database.copy.execute("drop table already_there")
    engine.migrate()
    engine.until_equal()


@pytest.fixture
def small_disk(servers):
    """Call it: from now on no file of the copy's new sessions grows beyond so many bytes."""

    def limit(size: int) -> None:
        pid = servers.copy.pid()
        owner = Path(f"/proc/{pid}").stat()  # only he may, not even root everywhere
        script = f"import resource as r; r.prlimit({pid}, r.RLIMIT_FSIZE, ({size}, r.RLIM_INFINITY))"
        subprocess.run(
            ["/usr/bin/env", "python3", "-c", script],
            check=True, user=owner.st_uid, group=owner.st_gid, cwd="/",
        )  # fmt: skip

    yield limit
    limit(NO_LIMIT)


NO_LIMIT = -1
FILLER = "select i, repeat(md5(i::text), 30) from generate_series(1, 40000) i"  # about 40 MB


def test_a_full_disk_on_the_copy_is_named_and_the_migration_goes_on_once_there_is_room(engine, small_disk):
    source = engine.database.source
    source.execute(SHOP + f"; create table big (id int primary key, filler text); insert into big {FILLER}")
    small_disk(20_000_000)
    engine.start()
    engine.ask("SYNC")
    told = engine.pair.messages.filter(text__contains="File too large")
    engine.until("somebody to be told", told.exists)
    assert "big" in told.first().text
    source.execute("update log set line = 'the source goes on'")
    small_disk(NO_LIMIT)
    engine.until("SYNC", lambda: engine.pair.phase == "SYNC")
    engine.until_equal()
    assert TableCopy.objects.get(name="big").state == "COPIED"


def test_a_full_disk_on_the_copy_while_replicating_suspends_and_heals(engine, small_disk):
    source = engine.database.source
    source.execute(SHOP + "; create table big (id int primary key, filler text)")
    engine.migrate()
    small_disk(20_000_000)
    end = "select pg_terminate_backend(pid) from pg_stat_subscription where subname = %s and pid is not null"
    engine.database.copy.execute(end, (engine.pool.slot(),))  # its next worker has the limit
    engine.application(f"insert into big {FILLER}")
    suspends = JournalEntry.objects.filter(entry_type="C", reason__in=(9010, 9070))
    engine.until("the suspend", suspends.exists)
    engine.application("update log set line = 'the source goes on'")
    engine.until("somebody to be told", engine.pair.messages.filter(text__contains="File too large").exists)
    small_disk(NO_LIMIT)
    engine.until_state("ACTIVE", "REPLICATING")
    engine.until_equal()
