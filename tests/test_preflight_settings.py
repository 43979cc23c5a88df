"""A server with the wrong settings, on either side, and what the two servers make of each other."""

import re
import shutil
import tempfile
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from nodes.postgres import preflight, transactions
from nodes.postgres.connect import connect, for_database, wait_until
from nodes.postgres.embedded import EmbeddedServer
from nodes.postgres.preflight import Options
from nodes.postgres.preflight.identity import clock_finding, minor_version_finding
from tests.preflight import look, the

POOR = """\
wal_level = replica
max_wal_senders = 1
max_replication_slots = 1
max_active_replication_origins = 0
max_logical_replication_workers = 0
max_worker_processes = 0
max_connections = 10
max_prepared_transactions = 4
shared_buffers = 16MB
fsync = off
full_page_writes = off
idle_replication_slot_timeout = 1h
synchronous_standby_names = 'ANY 1 (somebody)'
synchronous_commit = local
logging_collector = on
log_filename = 'server.log'
"""


@pytest.fixture(scope="module")
def poor():
    """A server of version 18 on which nothing is as it has to be; its database is called shop."""
    top = Path(tempfile.mkdtemp(prefix="mwa-"))
    top.chmod(0o755)
    server = EmbeddedServer(top / "poor", 18, POOR)
    try:
        server.start()
        with connect(server.conninfo(), "test") as session:
            session.execute("create database shop")
        yield server
    finally:
        server.stop("immediate")
        shutil.rmtree(top, ignore_errors=True)


@pytest.fixture(scope="module")
def either(poor, servers):
    """A run with the poor server as the source, and one with it as the copy."""
    with connect(servers.source.conninfo(), "test") as session:
        session.execute("create database shop")
    source = preflight.run(poor.conninfo(), servers.copy.conninfo(), ["shop"], Options(True))
    copy = preflight.run(servers.source.conninfo(), poor.conninfo(), ["shop"])
    with connect(servers.source.conninfo(), "test") as session:
        session.execute("drop database shop")
    return {"source": source, "copy": copy}


@pytest.mark.parametrize(
    ("name", "status", "source", "copy", "remedy"),
    [
        ("wal_level", "failed", "replica", "replica", "set wal_level = 'logical'"),
        ("free replication slots", "failed", "1 free of 1", None, "set max_replication_slots = 2"),
        ("free replication origins", "failed", "0 free of 0", "0 free of 0", "_replication_origins = 1"),
        ("free WAL senders", "failed", "1 free of 1", None, "set max_wal_senders = 2"),
        ("free replication workers", "failed", "0 free of 0", "0 free of 0", "replication_workers = 1"),
        ("free worker processes", "failed", "0 free of 0", "0 free of 0", "set max_worker_processes = 1"),
        ("free connections", "failed", "free of 10", "free of 10", "set max_connections ="),
        ("WAL kept for slots", "warning", "no limit", "no limit", "set max_slot_wal_keep_size ="),
        ("idle slots", "warning", "1h", "1h", "set idle_replication_slot_timeout = 0"),
        ("durability", "warning", "fsync off, full_page_writes off", "fsync off", "set fsync = on"),
        ("synchronous standbys", "warning", "ANY 1 (somebody)", "ANY 1", "set synchronous_standby_names"),
    ],
)  # fmt: skip
def test_a_wrong_setting_is_found_on_either_node(either, name, status, source, copy, remedy):
    for node, observed in (("source", source), ("copy", copy)):
        check = the(either[node], name, node)
        if observed is None:  # the copy needs less
            assert check.status == "passed"
        else:
            assert (check.status, observed in check.observed) == (status, True)
            assert remedy in check.remedy


def test_a_setting_that_is_followed_makes_the_check_pass(poor, servers):
    def kept():
        checks = preflight.run(poor.conninfo(), servers.copy.conninfo(), [])
        return the(checks, "WAL kept for slots", "source")

    remedy = kept().remedy
    with connect(poor.conninfo(), "test") as session:
        for statement in remedy.split(";")[:2]:
            session.execute(statement)
        try:
            wait_until(lambda: kept().status == "passed", "the setting", seconds=5)
            assert kept().observed == "20GB" and kept().remedy == ""
        finally:
            session.execute("alter system reset max_slot_wal_keep_size")
            session.execute("select pg_reload_conf()")


@pytest.mark.parametrize(
    ("names", "status", "observed"),
    [
        ("", "passed", "none"),
        ("somebody", "passed", "'somebody'"),
        ("FIRST 1 (a, b)", "passed", "'FIRST 1 (a, b)'"),
        ("any 1 (a)", "warning", "'any 1 (a)'"),
        ("mwa_shop", "warning", "'mwa_shop', left behind by a migration"),
    ],
)
def test_synchronous_standbys_of_somebody_are_shown_and_told_from_ours(
    poor, servers, names, status, observed
):
    def look_at():
        checks = preflight.run(poor.conninfo(), servers.copy.conninfo(), [])
        return the(checks, "synchronous standbys", "source")

    with connect(poor.conninfo(), "test") as session:
        session.execute(sql.SQL("alter system set synchronous_standby_names = {}").format(sql.Literal(names)))
        session.execute("select pg_reload_conf()")
        try:
            wait_until(lambda: look_at().observed == observed, "the setting", seconds=5)
            assert look_at().status == status
        finally:
            session.execute("alter system reset synchronous_standby_names")
            session.execute("select pg_reload_conf()")


def test_what_others_use_is_not_free(database):
    before = the(look(database), "free replication slots", "source").observed
    database.source.execute("select pg_create_physical_replication_slot('other', true)")
    try:
        assert the(look(database), "free replication slots", "source").observed != before
    finally:
        database.source.execute("select pg_drop_replication_slot('other')")


def test_data_checksums_are_asked_for(database):
    checks = look(database)
    assert the(checks, "data checksums", "source").status == "warning"  # version 16 starts without them
    assert the(checks, "data checksums", "copy").status == "passed"


def test_the_two_versions_the_wrong_way_round_are_refused(servers):
    checks = preflight.run(servers.copy.conninfo(), servers.source.conninfo(), ["postgres"])
    check = the(checks, "version")
    assert (check.status, check.observed) == ("failed", "source 18, copy 16")
    assert "copy 18 or later" in check.needed and "exchange" in check.remedy


@pytest.mark.parametrize(
    ("number", "status"),
    [(130020, "warning"), (130021, "passed"), (140017, "warning"), (140018, "passed"), (150012, "warning"),
     (150013, "passed"), (160008, "warning"), (160009, "passed"), (170004, "warning"), (170005, "passed"),
     (180000, "passed"), (190000, "passed")],
)  # fmt: skip
def test_a_minor_version_that_can_lose_changes_is_named(number, status):
    found = minor_version_finding(number)
    assert found.status == status
    assert ("lose changes" in found.remedy) == (status == "warning")


def test_clocks_that_disagree_by_more_than_a_second_are_named():
    assert clock_finding(-0.9).status == clock_finding(0.9).status == "passed"
    ahead, behind = clock_finding(1.5), clock_finding(-61)
    assert (ahead.status, ahead.observed) == ("warning", "the copy's clock is 1.5 s ahead")
    assert (behind.status, behind.observed) == ("warning", "the copy's clock is 61.0 s behind")


def test_a_prepared_transaction_of_any_database_stops_the_migration(poor, servers):
    with connect(for_database(poor.conninfo(), "shop"), "test", search_path="public") as session:
        session.execute("create table bill (id int)")
        session.execute("begin; insert into bill values (1); prepare transaction 'left-over'")
        checks = preflight.run(poor.conninfo(), servers.copy.conninfo(), ["postgres"])
        check = the(checks, "prepared transactions", "source")
        assert check.status == "failed" and "1 prepared transaction" in check.observed
        assert "'left-over' in shop, owner postgres" in check.objects[0]
        assert "commit prepared 'left-over'" in check.remedy
        (waited_for,) = transactions.writing(session)  # by a slot that is made nevertheless
        assert re.fullmatch(r"prepared transaction 'left-over' \(postgres, \d+ s\)", str(waited_for))
        session.execute("rollback prepared 'left-over'")
        session.execute("drop table bill")
    checks = preflight.run(poor.conninfo(), servers.copy.conninfo(), ["postgres"])
    assert the(checks, "prepared transactions", "source").status == "passed"


def test_a_long_transaction_is_named_and_told_whether_it_writes(database):
    database.source.execute("create table bill (id int)")
    with (
        psycopg.connect(database.source_conninfo) as writer,
        psycopg.connect(database.source_conninfo) as reader,
    ):
        writer.execute("insert into public.bill values (1)")
        reader.execute("select 1")
        assert the(look(database), "long transactions").status == "passed"
        check = the(look(database, long_transaction_seconds=0.001), "long transactions")
        pids = {session.info.backend_pid: kind for session, kind in ((writer, "writes"), (reader, "reads"))}
    assert check.status == "warning"
    for pid, kind in pids.items():
        (told,) = [line for line in check.objects if line.startswith(f"pid {pid},")]
        assert "user postgres" in told and database.name in told and kind in told and "query started" in told
        assert f"pg_terminate_backend({pid})" in check.remedy


def test_free_disk_is_measured_where_the_copys_data_lies(database, servers):
    check = the(look(database), "disk space")
    assert check.status == "passed" and int(check.observed.split()[0].replace(",", "")) > 10_000_000
    oid = database.source.execute(
        "select oid from pg_database where datname = current_database()"
    ).fetchone()[0]
    # A sparse file: it takes no room, but counts for the size of the database.
    huge = servers.source.directory / "base" / str(oid) / "999999999"
    with huge.open("wb") as file:
        file.truncate(8 << 40)
    try:
        check = the(look(database), "disk space")
    finally:
        huge.unlink()
    assert check.status == "failed" and "bytes free" in check.observed
    assert "8,796,1" in check.needed and check.remedy


def test_free_disk_that_cannot_be_measured_is_unknown_and_never_none(servers):
    with connect(servers.copy.conninfo(), "test") as session:
        session.execute("create role blind login")
    try:
        blind = servers.copy.conninfo().replace("user=postgres", "user=blind")
        check = the(preflight.run(servers.source.conninfo(), blind, ["postgres"]), "disk space")
    finally:
        with connect(servers.copy.conninfo(), "test") as session:
            session.execute("drop role blind")
    assert check.status == "warning" and check.observed.startswith("unknown") and "bytes" in check.needed
