"""Of two pools of a pair each goes by its own properties, and by the pair's where it has none."""

import pytest

from nodes import properties
from nodes.postgres.connect import connect, one
from tests.test_engine_pools import equal, two_pools  # noqa: F401
from tracking.engine import supervisor
from tracking.models import JournalEntry


@pytest.fixture
def replicating(two_pools):  # noqa: F811
    """Both pools in step; the first goes by the pair in everything."""
    engine, second = two_pools
    engine.start()
    engine.ask("SYNC")
    engine.until("both pools", engine.all_replicate)
    yield engine, second
    engine.stop()
    with connect(engine.database.source_conninfo, "test") as source:
        source.execute("alter system reset synchronous_standby_names")
        source.execute("select pg_reload_conf()")


def own(engine, database, **values) -> None:
    """Give a pool values of its own, as a person does."""
    properties.change(engine.pool_of(database), values, "olga")
    supervisor.wake(None)


def suspends(engine, database) -> list[int]:
    """The reasons of a pool, by its journal entries."""
    name = engine.pool_of(database).asp_name
    entries = JournalEntry.objects.filter(entry_type="C", state="TRACKING", name=name).order_by("id")
    return list(entries.values_list("reason", flat=True))


def test_the_lag_limit_of_one_pool_suspends_that_one_alone(replicating):
    engine, second = replicating
    own(engine, second, lag_limit_bytes="2 MB")
    rows = "insert into public.account select i, 0 from generate_series(1000, 40000) i"
    with engine.database.copy.transaction(), second.copy.transaction():
        for database in (engine.database, second):
            database.copy.execute("lock table public.account")
            database.source.execute("insert into public.account values (999, 0)")  # the apply worker waits
            database.source.execute(rows)
        engine.until("the suspend", lambda: 9020 in suspends(engine, second))
        engine.until("the lag of the other", lambda: (engine.pool.lag_bytes or 0) > 2 * 2**20)
        assert "allowed are 2097152" in engine.pair.messages.filter(code="9020").first().text
    engine.until("both pools", engine.all_replicate)
    for database in (engine.database, second):
        engine.until("the rows", lambda database=database: equal(database))
    assert suspends(engine, engine.database) == [9000]


def test_a_pool_without_auto_resume_waits_for_a_person_while_the_other_resumes(replicating):
    engine, second = replicating
    own(engine, second, auto_resume="False")
    for database in (engine.database, second):
        database.copy.execute("insert into public.account values (500, -1)")
        database.source.execute("insert into public.account values (500, 1)")
    engine.until("the first", lambda: 9010 in suspends(engine, engine.database) and engine.pool.replicating)
    engine.until("the second", lambda: 9010 in suspends(engine, second))
    second.source.execute("update public.account set n = 9 where id = 9")
    engine.until("it to be tracked", lambda: engine.pool_of(second).tracked_rows >= 2)
    assert engine.pool_of(second).standing == "TRACKING SUSPENDED"
    own(engine, second, auto_resume=None)  # as the pair, which resumes
    engine.until("both pools", engine.all_replicate)
    engine.until("the rows", lambda: equal(engine.database) and equal(second))


def test_commits_wait_in_the_pools_that_are_synchronous_and_in_no_other(replicating):
    engine, second = replicating

    def waits(database) -> bool:
        state = "select sync_state = 'sync' from pg_stat_replication where application_name = %s"
        return bool(one(database.source, state, (engine.pool_of(database).slot(),)))

    own(engine, second, synchronous="True")
    engine.until("commits to wait in the second", lambda: waits(second))
    assert not waits(engine.database)
    second.source.execute("update public.account set n = 3")
    properties.change(engine.pair, {"synchronous": "True"}, "olga")
    own(engine, second, synchronous="False")
    engine.until("commits to wait in the first alone", lambda: waits(engine.database) and not waits(second))
    properties.change(engine.pair, {"synchronous": "False"}, "olga")
    engine.until("commits to wait nowhere", lambda: not waits(engine.database))
    engine.until("the rows", lambda: equal(second))
