import subprocess
import sys
import threading
import time

import pytest

from nodes.postgres import synchronous
from nodes.postgres.connect import connect, one, wait_until
from nodes.postgres.synchronous import CannotCombine, combine
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


GUARD = """
import os, sys, time
sys.path.insert(0, {top!r})
from nodes.postgres.synchronous import Guard
guard = Guard({conninfo!r}, {name!r}, seconds=1.0)
time.sleep(0.5)
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
