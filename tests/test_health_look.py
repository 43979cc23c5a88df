"""Looking at a node: what is measured, what may be missing, and that nothing on the node is changed by it."""

import json
import time

import psycopg
import pytest

from nodes.postgres import health
from nodes.postgres.connect import Unreachable, connect, one, wait_until
from nodes.postgres.health import Watch
from tests.preflight import held


@pytest.fixture
def watch(servers):
    made = Watch(servers.source.conninfo())
    yield made
    made.close()


def test_a_look_finds_version_uptime_clock_disk_and_log(watch, servers):
    seen = watch.look()
    assert seen.missing == {}
    assert seen.server.version // 10_000 == 16 and seen.server.name.startswith("16.")
    assert not seen.server.recovering and seen.server.up_seconds > 0 and seen.server.written > 0
    assert abs(seen.clock.offset) <= seen.clock.uncertainty + 0.01  # the same host
    assert 0 < seen.clock.uncertainty < 1
    assert seen.wal.bytes > 0 and seen.wal.checkpoint_bytes == 4 * 2**30 and seen.wal.slot_limit_bytes is None
    assert seen.volumes[0].path == str(servers.source.directory)
    assert 0 < seen.volumes[0].free_bytes < seen.volumes[0].total_bytes
    assert {limit.setting: limit.maximum for limit in seen.limits}["max_connections"] == 120
    assert seen.databases[0].bytes >= seen.databases[-1].bytes > 0


def test_figures_go_into_json_and_come_back(watch):
    seen = watch.look()
    assert health.read(json.loads(json.dumps(seen.as_json()))) == seen
    assert health.read({}) is None and health.read({**seen.as_json(), "clock": {"offset": 1}}) is None


def test_the_rate_of_the_log_is_that_between_two_looks(watch, database):
    assert watch.look().wal.rate is None
    began, before = time.monotonic(), one(database.source, "select pg_current_wal_lsn() - '0/0'")
    database.source.execute("create table big as select repeat('x', 1000) from generate_series(1, 2000)")
    seen = watch.look()
    written = seen.server.written - int(before)
    assert written > 2_000_000
    assert 0 < seen.wal.rate <= written / (time.monotonic() - began) * 2


def test_a_slot_that_nobody_reads_is_there_with_what_it_holds(watch, database):
    make = "select pg_create_logical_replication_slot('left_over', 'pgoutput')"
    database.source.execute(make)
    database.source.execute("create table big as select repeat('x', 1000) from generate_series(1, 2000)")
    (slot,) = [slot for slot in watch.look().slots if slot.name == "left_over"]
    assert (slot.kind, slot.database, slot.active_pid) == ("logical", database.name, None)
    assert slot.held_bytes > 2_000_000 and slot.wal_status == "reserved" and not slot.of_this_program
    assert slot.inactive_seconds is None  # not told before version 17


def test_a_later_version_tells_since_when_a_slot_is_not_read(servers, database):
    database.copy.execute("select pg_create_logical_replication_slot('left_over', 'pgoutput')")
    there = Watch(servers.copy.conninfo())
    (slot,) = [slot for slot in there.look().slots if slot.name == "left_over"]
    there.close()
    assert 0 <= slot.inactive_seconds < 30


def test_an_open_transaction_is_named_with_its_age_and_its_statement(watch, database):
    database.source.execute("create table account (id int primary key)")
    with connect(database.source_conninfo, "app", autocommit=False) as application:
        application.execute("insert into public.account values (1)")
        pid = application.info.backend_pid

        def mine():
            return [each for each in watch.look().transactions if each.pid == pid]

        wait_until(lambda: bool(mine()), "the transaction to be old enough", seconds=10, every=0.5)
        (seen,) = mine()
        assert seen.seconds >= 5 and seen.writes and seen.state == "idle in transaction"
        assert seen.horizon >= 0 and "insert into public.account" in seen.query and seen.ours
        application.rollback()


def test_our_own_sessions_are_counted_by_what_they_are_for(watch, database):
    sessions = {each.purpose: each for each in watch.look().sessions}
    assert sessions["test"].number >= 1 and sessions["test"].since_seconds >= 0


def test_what_the_role_may_not_see_is_missing_with_the_reason_and_the_rest_is_there(servers, database):
    database.source.execute("create role watcher login")
    try:
        watch = Watch(psycopg.conninfo.make_conninfo(database.source_conninfo, user="watcher"))
        seen = watch.look()
        watch.close()
    finally:
        database.source.execute("drop role watcher")
    assert "permission denied" in seen.missing["wal"] and seen.wal is None
    assert "cannot be seen from here" in seen.missing["volumes"] and seen.volumes == []
    for part in ("transactions", "senders", "limits"):
        assert "pg_read_all_stats" in seen.missing[part]
    assert seen.server.version // 10_000 == 16 and seen.databases


def test_a_part_that_takes_too_long_is_left_out(watch, database):
    watch.look()
    with connect(database.source_conninfo, "app", autocommit=False) as holder:
        holder.execute("lock table pg_catalog.pg_subscription in access exclusive mode")
        began = time.monotonic()
        seen = watch.look()
        assert time.monotonic() - began < 3
        assert "lock timeout" in seen.missing["workers"] and seen.workers == []
        holder.rollback()
    assert watch.look().missing == {}


def test_a_look_changes_nothing_and_cannot(watch, database):
    before = held(database.source_conninfo)
    watch.look()
    assert held(database.source_conninfo) == before
    with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
        watch._opened().execute("create table public.mine ()")


def test_a_node_that_was_restarted_between_two_looks_answers(servers):
    watch = Watch(servers.copy.conninfo())
    watch.look()
    servers.copy.stop()
    servers.copy.start()
    assert watch.look().server.up_seconds < 60
    watch.close()


def test_a_node_that_went_away_is_an_error_and_is_found_again(servers):
    watch = Watch(servers.copy.conninfo())
    watch.look()
    servers.copy.stop("immediate")
    try:
        with pytest.raises((Unreachable, psycopg.Error)):
            watch.look()
        with pytest.raises(Unreachable):
            watch.look()
    finally:
        servers.copy.start()
    assert watch.look().server.up_seconds < 60
    watch.close()
