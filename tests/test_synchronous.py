import subprocess
import sys
import threading
import time

import pytest

from nodes.postgres import install, standbys, synchronous
from nodes.postgres.connect import connect, one, wait_until
from nodes.postgres.standbys import CannotCombine, combine, without
from nodes.postgres.synchronous import Guard
from tracking.mirror import subscription


@pytest.mark.parametrize(
    ("present", "wanted"),
    [
        ("", '"mwa_1"'),
        ("a, b", 'FIRST 2 ("mwa_1", a, b)'),
        ("*", 'FIRST 2 ("mwa_1", *)'),
        ("FIRST 2 (a, b, c)", 'FIRST 3 ("mwa_1", a, b, c)'),
        ("1 (a)", 'FIRST 2 ("mwa_1", a)'),
        ('"mwa_1"', '"mwa_1"'),
    ],
)
def test_present_standbys_are_combined_with(present, wanted):
    assert combine(present, "mwa_1") == wanted


def test_a_quorum_is_refused():
    with pytest.raises(CannotCombine, match=r"'ANY 1 \(a, b\)'"):
        combine("ANY 1 (a, b)", "mwa_1")


@pytest.mark.parametrize(
    ("present", "wanted"),
    [
        ('"mwa_1"', ""),
        ("a, b", "a, b"),
        ('FIRST 2 ("mwa_1", a, b)', "FIRST 1 (a, b)"),
        ('FIRST 3 (a, "b, ""c""", "mwa_1", "mwa_10")', 'FIRST 2 (a, "b, ""c""", "mwa_10")'),
        ('FIRST 1 ("mwa_1", a)', "FIRST 1 (a)"),
        ('any 2 (a, "mwa_1")', "ANY 1 (a)"),
        ('a, "mwa_1"', "FIRST 1 (a)"),
    ],
)
def test_what_others_have_put_in_stays_when_ours_goes_out(present, wanted):
    assert without(present, "mwa_1") == wanted


@pytest.mark.parametrize("take_out", ["turn_off", "uninstall"])
@pytest.mark.parametrize(("order", "between"), [((0, 1), 'FIRST 1 ("mwa_1")'), ((1, 0), '"mwa_0"')])
def test_the_names_of_two_databases_go_out_in_any_order(databases, take_out, order, between):
    """Each had found the other's there, or not: a name that came back would stop every commit for ever."""
    sources = [databases().source for _ in range(2)]
    try:
        for number, source in enumerate(sources):
            install.install(source)
            synchronous.turn_on(source, f"mwa_{number}")
        for number, left in zip(order, (between, ""), strict=True):
            if take_out == "turn_off":
                synchronous.turn_off(sources[number], f"mwa_{number}")
            else:
                install.uninstall(sources[number])
            assert standbys.present(sources[0]) == left
        ours = "select count(*) from pg_file_settings where name = 'synchronous_standby_names'"
        assert one(sources[0], ours) == 0
    finally:
        standbys.put(sources[0], "")


@pytest.mark.parametrize(("meanwhile", "after"), [("a", "FIRST 1 (a)"), ("", "archive")])
def test_what_somebody_changes_meanwhile_is_kept(database, meanwhile, after):
    source = database.source
    install.install(source)
    try:
        standbys.put(source, "archive")
        synchronous.turn_on(source, "mwa_1")
        if meanwhile:
            standbys.put(source, f'FIRST 2 ("mwa_1", {meanwhile})')
        synchronous.turn_off(source, "mwa_1")
        synchronous.turn_off(source, "mwa_1")
        assert standbys.present(source) == after
    finally:
        standbys.put(source, "")


@pytest.fixture
def synchronous_pair(mirror):
    mirror.begin("create table account (id int primary key, n int default 0)")
    mirror.hand_over()
    name = mirror.route.slot
    subscription.set_synchronous(mirror.database.copy, name, True)
    wait_until(mirror.caught_up, "the stream", seconds=20)
    synchronous.turn_on(mirror.database.source, name)
    yield mirror
    with connect(mirror.database.source_conninfo, "test") as session:
        synchronous.turn_off(session, name)


def test_a_commit_returns_when_the_copy_has_the_row(synchronous_pair):
    database = synchronous_pair.database
    with connect(database.source_conninfo, "app", search_path="public", synchronous_commit="on") as app:
        for number in range(20):
            app.execute("insert into account values (%s)", (number,))
            assert one(database.copy, "select count(*) from account") == number + 1


def test_the_value_before_comes_back(synchronous_pair):
    source, name = synchronous_pair.database.source, synchronous_pair.route.slot
    assert synchronous.is_on(source, name)
    synchronous.turn_off(source, name)
    assert one(source, "show synchronous_standby_names") == ""
    assert one(source, "select count(*) from mwa.changed_outside") == 0


def test_a_commit_that_waits_for_somebody_elses_standby_goes_on_waiting(synchronous_pair):
    """Its owner has asked for that; ours has long had everything."""
    database, name = synchronous_pair.database, synchronous_pair.route.slot
    standbys.put(database.source, f'FIRST 2 ("{name}", elsewhere)')
    guard = Guard(database.source_conninfo, name, seconds=0.5)
    app = connect(database.source_conninfo, "app", search_path="public", synchronous_commit="on")
    try:
        writer = threading.Thread(target=app.execute, args=("insert into account values (7)",), daemon=True)
        writer.start()
        waits = (
            "select count(*) from pg_stat_activity where application_name = 'mwa app'"
            " and wait_event = 'SyncRep' and query_start < clock_timestamp() - interval '3 s'"
        )
        wait_until(lambda: not writer.is_alive() or one(database.source, waits), "a long wait", seconds=20)
        assert writer.is_alive() and guard.alive()
    finally:
        standbys.put(database.source, f'"{name}"')
        database.source.execute("insert into account values (8)")  # what the copy answers releases both
        writer.join(10)
        app.close()
        guard.close()


GUARD = """
import os, sys
sys.path.insert(0, {top!r})
from nodes.postgres.connect import connect, one, wait_until
from nodes.postgres.synchronous import Guard
guard = Guard({conninfo!r}, {name!r}, seconds=1.0)
watches = "select wait_event from pg_stat_activity where application_name = 'mwa sync guard ' || %s"
with connect({conninfo!r}, "test") as session:
    wait_until(lambda: one(session, watches, ({name!r},)) == "PgSleep", "the guard to watch", seconds=10)
os.kill(os.getpid(), 9)
"""


def test_commits_go_on_when_the_copy_vanishes_and_everything_of_ours_is_killed(
    servers, synchronous_pair, request
):
    database, name = synchronous_pair.database, synchronous_pair.route.slot
    script = GUARD.format(top=str(request.config.rootpath), conninfo=database.source_conninfo, name=name)
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == -9
    synchronous_pair.portal.close()
    database.copy.close()
    servers.copy.stop("immediate")
    try:
        committed = []

        def commit() -> None:
            with connect(
                database.source_conninfo, "app", search_path="public", synchronous_commit="on"
            ) as app:
                for number in range(100):  # and not only one with each look of the guard
                    app.execute("insert into account values (%s)", (1000 + number,))
                    committed.append(time.monotonic())

        writer = threading.Thread(target=commit, daemon=True)
        writer.start()
        writer.join(15)
        assert len(committed) == 100
    finally:
        servers.copy.start()
    synchronous.turn_off(database.source, name)
    guards = "select count(*) from pg_stat_activity where application_name = %s"
    wait_until(
        lambda: one(database.source, guards, (f"mwa sync guard {name}",)) == 0,
        "the guard to end by itself", seconds=10,
    )  # fmt: skip
