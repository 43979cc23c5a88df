"""Preflights that are asked for in the browser, and what the engine says that it is doing."""

import pytest
from django.core.exceptions import ValidationError

from nodes.models import Pair, StoragePool
from nodes.postgres.connect import connect, one
from tests.databases import drop_database
from tests.engine import accounts
from tests.portal import make_pair
from tracking.models import Job, PreflightRun


@pytest.fixture
def defined(engine):
    """A pair that nobody has started, with an engine that works on it."""
    engine.database.source.execute(accounts(1_000))
    engine.start()
    return engine


def ended(engine, run: PreflightRun) -> PreflightRun:
    engine.until("the preflight's end", PreflightRun.objects.filter(pk=run.pk, ended_at__isnull=False).exists)
    return PreflightRun.objects.get(pk=run.pk)


def test_a_pair_that_nobody_has_started_is_looked_at(defined):
    run = ended(defined, PreflightRun.request(defined.pair, "olga"))
    assert (run.standing.value, run.error, run.databases) == ("PASSED", "", [defined.database.name])
    assert run.counts["passed"] > 20 and run.counts["failed"] == 0
    names = {check["name"] for check in run.checks}
    assert {"wal_level", "empty copy", "disk space"} <= names
    assert not Job.objects.exists() and defined.pair.phase == ""
    defined.pair.source.refresh_from_db()
    assert defined.pair.source.version == 16


def test_what_fails_is_named_with_what_is_needed_and_looked_at_again(defined):
    defined.database.copy.execute("create table in_the_way (id int)")
    run = ended(defined, PreflightRun.request(defined.pair, "olga"))
    assert run.standing.value == "FAILED"
    (failed,) = [check for check in run.checks if check["status"] == "failed"]
    assert failed["name"] == "empty copy" and failed["objects"] == ["table public.in_the_way"]
    assert failed["observed"] == "1 object" and failed["needed"] == "an empty database" and failed["remedy"]
    defined.database.copy.execute("drop table in_the_way")
    assert ended(defined, PreflightRun.request(defined.pair, "olga")).standing.value == "PASSED"


def test_a_node_that_is_away_is_a_failed_check_without_its_password(defined):
    copy = defined.pair.copy
    copy.conninfo = "host=127.0.0.1 port=1 user=mover password=sesame"
    copy.save()
    run = ended(defined, PreflightRun.request(defined.pair, "olga"))
    assert run.standing.value == "FAILED" and "sesame" not in str(run.checks)
    assert [check["name"] for check in run.checks if check["status"] == "failed"] == ["connection"]


def test_databases_that_the_copy_lacks_are_made_when_that_is_asked_for(defined, servers):
    name = f"more_{defined.database.name}"
    with connect(servers.source.conninfo(), "test") as admin:
        admin.execute(f"create database {name}")
    StoragePool.objects.create(pair=defined.pair, number=2, database=name)
    try:
        assert ended(defined, PreflightRun.request(defined.pair, "olga")).standing.value == "FAILED"
        run = ended(defined, PreflightRun.request(defined.pair, "olga", create_databases=True))
        assert run.standing.value == "PASSED" and run.made == [f"database {name} was made on new"]
        with connect(servers.copy.conninfo(), "test") as admin:
            assert one(admin, "select count(*) from pg_database where datname = %s", (name,)) == 1
        StoragePool.objects.filter(database=name).delete()
        assert ended(defined, PreflightRun.request(defined.pair, "olga")).databases != run.databases
    finally:
        drop_database(servers.source, name)
        drop_database(servers.copy, name)


def test_a_preflight_whose_engine_was_killed_is_not_running_for_ever(engine):
    engine.database.source.execute(accounts(10))
    run = PreflightRun.request(engine.pair, "olga")
    assert run.standing.value == "ASKED"
    engine.killed_after("tracking.models.PreflightRun.begin")
    left = PreflightRun.objects.get()
    assert left.runner and left.started_at and left.standing.value == "ASKED"  # nobody is at it
    engine.start()
    run = ended(engine, run)
    assert run.standing.value == "PASSED" and run.runner != left.runner


@pytest.mark.django_db
def test_one_preflight_at_a_time_and_none_without_anything_to_look_at():
    pair = make_pair()
    run = PreflightRun.request(pair, "olga")
    with pytest.raises(ValidationError, match=f"preflight {run.pk} of pair shop has not ended yet"):
        PreflightRun.request(pair, "oskar")
    run.end(error="no room")
    assert run.ended_at is None  # the row has
    assert PreflightRun.objects.get().standing.value == "ENDED"
    pair.pools.all().delete()
    with pytest.raises(ValidationError, match="has no database yet"):
        PreflightRun.request(pair, "olga")
    Pair.objects.update(phase="SYNC")
    StoragePool.objects.create(pair=pair, database="shop")
    with pytest.raises(ValidationError, match="databases are made before it is started"):
        PreflightRun.request(pair, "olga", create_databases=True)
    pair.ask("REMOVED")
    with pytest.raises(ValidationError, match="is being removed"):
        PreflightRun.request(pair, "olga")


@pytest.mark.django_db
def test_only_the_latest_preflights_are_kept_and_one_that_was_begun_again_ends_once():
    pair = make_pair()
    for _ in range(25):
        run = PreflightRun.request(pair, "olga")
        run.begin("engine one")
        run.end(checks=[])
    assert pair.preflights.count() == 20
    first = PreflightRun.request(pair, "olga")
    first.begin("engine one")
    second = PreflightRun.objects.get(pk=first.pk)
    second.begin("engine two")
    first.end(error="too late")
    assert PreflightRun.objects.get(pk=first.pk).ended_at is None
    second.end(checks=[])
    assert PreflightRun.objects.get(pk=first.pk).error == ""


def test_a_pair_whose_nodes_never_answered_can_be_removed(engine):
    node = engine.pair.copy
    node.conninfo = "host=127.0.0.1 port=1"
    node.save()
    engine.start()
    engine.ask("REMOVED")
    engine.until("the pair's end", lambda: not Pair.objects.exists(), 20)


def test_what_the_engine_is_doing_is_shown_as_long_as_it_does_it(engine):
    engine.database.source.execute(accounts(200_000))
    engine.start()
    engine.ask("SYNC")
    engine.until("copying", Job.objects.filter(kind="COPY", pool=engine.pool).exists)
    assert Job.objects.filter(kind="CAPTURE").exists()
    engine.until_state("ACTIVE", "REPLICATING")
    engine.until("SYNC", lambda: engine.pair.phase == "SYNC")
    engine.until("the end of every job", lambda: not Job.objects.exclude(kind="OTHERS").exists())
    engine.ask("PAUSED")
    engine.until("the capture", Job.objects.filter(kind="CAPTURE").exists)
    with engine.waiting_hand_over():
        assert Job.objects.filter(kind="RESYNC", pool=engine.pool).exists()
    engine.until_state("ACTIVE", "REPLICATING")
    engine.until("the end of the resync", lambda: not Job.objects.filter(kind="RESYNC").exists())


def test_what_a_killed_engine_was_doing_is_not_believed(engine):
    engine.database.source.execute(accounts(10))
    engine.pair.ask("SYNC")
    engine.killed_after("tracking.engine.archive.dump")
    assert Job.objects.filter(kind="DEFINE").exists() and not engine.pair.attended
    engine.start()
    engine.until_state("ACTIVE", "REPLICATING")
    engine.until("nothing to be under way", lambda: not Job.objects.exclude(kind="OTHERS").exists())
