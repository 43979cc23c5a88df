"""The library tracking list under an engine: what supersedes what, what was set aside, what a kill leaves."""

import threading

import pytest

from nodes.postgres.connect import connect, one
from tests.engine import accounts
from tests.test_engine_sync_definitions import entry, job, settled
from tracking.engine import others
from tracking.engine.poolruntime import PoolRuntime
from tracking.models import Attempt, DefinitionEntry, MigratedObject, OtherObject

ANOTHER = "create function {}(i int) returns text language sql as 'select 1::text'"
WANTED = "create function {}(i int) returns int language sql as 'select i * 2'"


@pytest.fixture
def replicating(engine):
    """A pair that is ACTIVE."""
    engine.database.source.execute(accounts(10))
    engine.migrate()
    return engine


@pytest.fixture
def paused(replicating):
    """A pair that is TRACKING because somebody has asked for it."""
    replicating.ask("PAUSED")
    replicating.until("the pause", lambda: replicating.pair.phase == "PAUSED")
    return replicating


def go_on(engine) -> None:
    engine.ask("SYNC")
    engine.until_state("ACTIVE", "REPLICATING")


def failed(engine, name: str = "twice") -> DefinitionEntry:
    """A function that the copy refuses: it has another one of that name."""
    engine.database.copy.execute(ANOTHER.format(name))
    engine.application(WANTED.format(name))
    return entry(engine, "FAILED", f"public.{name}(integer)")


def there(engine, name: str) -> bool:
    query = "select to_regclass(%s) is not null or to_regproc(%s) is not null"
    return one(engine.database.copy, query, (f"public.{name}", f"public.{name}"))


def test_a_later_change_that_arrives_supersedes_what_has_failed(replicating):
    failed(replicating)
    replicating.application("drop function twice(int)")
    replicating.application(WANTED.format("twice").replace("2", "3"))
    settled(replicating)
    assert not DefinitionEntry.objects.exists()
    outcomes = list(Attempt.objects.order_by("id").values_list("outcome", "command"))
    assert outcomes[0] == ("FAILED", "CREATE FUNCTION")
    assert outcomes.count(("SUPERSEDED", "CREATE FUNCTION")) == 1
    assert outcomes.count(("CARRIED", "CREATE FUNCTION")) == 1
    query = "select prosrc from pg_proc where proname = 'twice'"
    assert one(replicating.database.copy, query) == "select i * 3"


def test_where_a_later_change_does_not_make_the_object_the_same_the_earlier_one_is_left_to_a_person(
    replicating,
):
    found = failed(replicating)
    replicating.application("comment on function twice(int) is 'doubles'")
    replicating.until("the comment", Attempt.objects.filter(command="COMMENT", outcome="CARRIED").exists)
    replicating.until("it", lambda: DefinitionEntry.objects.get(pk=found.pk).set_aside == "DEFERRED")
    assert DefinitionEntry.objects.get(pk=found.pk).set_aside_by.startswith("the engine")
    replicating.ask("PAUSED")
    replicating.until("the pause", lambda: replicating.pair.phase == "PAUSED")
    replicating.database.copy.execute("drop function twice")
    go_on(replicating)  # which tries again only what nobody has put off
    assert not there(replicating, "twice") and replicating.pair.in_the_way_of_swap()
    assert not Attempt.objects.filter(identity=found.identity, times__gt=1).exists()


def test_an_earlier_change_that_is_tried_again_never_takes_a_later_one_back(replicating):
    """A comment in between arrives at another function of that name: the first change stays on the list."""
    found = failed(replicating)
    replicating.application("comment on function twice(int) is 'doubles'")
    replicating.until("it", lambda: DefinitionEntry.objects.get(pk=found.pk).set_aside == "DEFERRED")
    replicating.database.copy.execute("drop function twice")
    replicating.database.copy.execute(WANTED.format("twice").replace("2", "4"))
    DefinitionEntry.objects.get(pk=found.pk).retry()
    taken_back = DefinitionEntry.objects.filter(pk=found.pk, failure__contains="a later change of the object")
    replicating.until("it to be undone", taken_back.exists)
    query = "select prosrc from pg_proc where proname = 'twice'"
    assert one(replicating.database.copy, query) == "select i * 4"
    replicating.database.copy.execute("comment on function twice(int) is 'doubles'")
    taken_back.get().retry()
    replicating.until("the list", lambda: not DefinitionEntry.objects.exists())
    assert one(replicating.database.copy, query) == "select i * 2"


def test_a_tables_earlier_change_never_takes_a_later_one_back_either(replicating):
    """The copy has a constraint of that name and a column too many: the later change supersedes nothing."""
    copy = replicating.database.copy
    copy.execute("alter table account add constraint c check (n < 100), add column extra int")
    replicating.application("alter table account add constraint c check (n >= 0)")
    found = entry(replicating, "FAILED", "public.account")
    replicating.application("alter table account drop constraint c")
    replicating.until("it", lambda: DefinitionEntry.objects.get(pk=found.pk).set_aside == "DEFERRED")
    DefinitionEntry.objects.get(pk=found.pk).retry()
    taken_back = DefinitionEntry.objects.filter(pk=found.pk, failure__contains="a later change of")
    replicating.until("it to be undone", taken_back.exists)
    assert one(copy, "select count(*) from pg_constraint where conname = 'c'") == 0
    copy.execute("alter table account drop column extra")
    taken_back.get().tick_off("olga")
    replicating.until_state("ACTIVE", "REPLICATING")
    replicating.until_equal()


@pytest.mark.parametrize("how", ["omit", "defer"])
def test_what_is_set_aside_in_a_pause_is_passed_over_until_it_is_taken_up_again(paused, how):
    paused.application("create view shown as select * from account; create view more as select 1 as one")
    entry(paused, "READY", "public.more")
    found = entry(paused, "READY", "public.shown")
    found.act(how, "olga")
    paused.application(WANTED.format("twice"))
    go_on(paused)
    paused.until("the others", lambda: there(paused, "more") and there(paused, "twice"))
    paused.until("the list", lambda: DefinitionEntry.objects.count() == 1)
    assert not there(paused, "shown")
    assert bool(paused.pair.in_the_way_of_swap()) == (how == "defer")
    paused.application("insert into account values (11, 1)")
    paused.until_equal()
    DefinitionEntry.objects.get(pk=found.pk).act("restore" if how == "omit" else "retry", "olga")
    settled(paused)
    assert there(paused, "shown") and Attempt.objects.get(identity="public.shown", outcome="CARRIED")
    assert not Attempt.objects.filter(outcome="FAILED").exists()


def test_what_was_taken_up_again_before_anything_was_carried_comes_as_if_nothing_had_been(paused):
    paused.application("create view shown as select * from account")
    found = entry(paused, "READY", "public.shown")
    found.act("omit", "olga")
    DefinitionEntry.objects.get(pk=found.pk).act("restore", "olga")
    on_its_way = DefinitionEntry.objects.filter(pk=found.pk, state="READY", retry_asked=False)
    paused.until("it to be on its way", on_its_way.exists)
    go_on(paused)
    settled(paused)
    assert MigratedObject.objects.get().started_at


def test_a_hand_over_tries_again_by_priority(replicating):
    first, second, third = (failed(replicating, name) for name in ("one", "two", "three"))
    third.act("prioritize", "olga", "0")
    first.act("prioritize", "olga", "1")
    replicating.ask("PAUSED")
    replicating.until("the pause", lambda: replicating.pair.phase == "PAUSED")
    for name in ("one", "two", "three"):
        replicating.database.copy.execute(f"drop function {name}")
    go_on(replicating)
    settled(replicating)
    carried = Attempt.objects.filter(outcome="CARRIED").order_by("id")
    assert [each.identity for each in carried] == [
        f"public.{name}(integer)" for name in ("three", "one", "two")
    ]
    assert {each.job for each in carried} == {job(replicating)}
    assert {each.identity for each in carried} == {each.identity for each in (first, second, third)}


def test_what_an_engine_was_carrying_when_it_was_killed_is_carried_once(paused):
    paused.application("create view shown as select * from account")
    found = entry(paused, "READY", "public.shown")
    paused.stop()
    paused.pair.ask("SYNC")
    paused.killed_after("tracking.mirror.definitions.bring")
    killed = DefinitionEntry.objects.get(pk=found.pk)
    assert killed.state == "MIGRATING" and killed.started_at and there(paused, "shown")
    paused.start()
    settled(paused)
    attempt, history = Attempt.objects.get(), MigratedObject.objects.get()
    assert (attempt.outcome, attempt.started_at) == ("CARRIED", killed.started_at)
    assert (history.count, history.started_at) == (1, killed.started_at)


def test_what_an_engine_had_only_begun_when_it_was_killed_is_ready_again(paused):
    paused.application("create view shown as select * from account")
    found = entry(paused, "READY", "public.shown")
    paused.stop()
    killed = DefinitionEntry.objects.filter(pk=found.pk)
    killed.update(state="MIGRATING", started_at=found.tracked_at)
    paused.start()
    paused.until("it", killed.filter(state="READY", started_at=None).exists)
    go_on(paused)
    settled(paused)


def test_what_cannot_be_carried_yet_is_preparing(replicating, servers):
    replicating.application("create view shown as select 1 as one")
    settled(replicating)
    servers.copy.stop("immediate")
    replicating.until_state("TRACKING", "SUSPENDED", 266)
    replicating.application("create view more as select 1 as one")
    entry(replicating, "PREPARING", "public.more")
    servers.copy.start()
    replicating.reconnect()
    settled(replicating)
    assert there(replicating, "more")


def test_changes_that_both_nodes_have_are_forgotten_after_a_week_and_never_carried_again(
    replicating, monkeypatch
):
    monkeypatch.setattr("tracking.engine.pruning._EVERY_SECONDS", 0.2)
    replicating.application("create view shown as select * from account; create view more as select 1 as one")
    found = failed(replicating)
    replicating.until("the list", lambda: not DefinitionEntry.objects.exclude(pk=found.pk).exists())
    source, copy = replicating.database.source, replicating.database.copy
    assert one(source, "select count(*) from mwa.definition_changes") == 3
    monkeypatch.setattr("tracking.mirror.definitions._KEPT", "0 s")
    left = "select array_agg(identity) from mwa.definition_changes"
    for node in (source, copy):
        replicating.until("it", lambda node=node: one(node, left) == ["public.twice(integer)"])
    monkeypatch.undo()
    replicating.ask("PAUSED")
    replicating.until("the pause", lambda: replicating.pair.phase == "PAUSED")
    replicating.application("drop view more; insert into account values (11, 1)")
    go_on(replicating)
    copy.execute("drop function twice")
    DefinitionEntry.objects.get(pk=found.pk).retry()
    settled(replicating)
    assert dict(MigratedObject.objects.values_list("identity", "count")) == {
        "public.shown": 1, "public.more": 2, "public.twice(integer)": 1,
    }  # fmt: skip


# Other objects


@pytest.fixture
def hurried(monkeypatch):
    """Other objects are looked at all the time by an engine that is started from here on."""
    monkeypatch.setattr("tracking.engine.others._EVERY_SECONDS", 0.5)
    monkeypatch.setattr("tracking.engine.others._SHARE", 0)
    monkeypatch.setattr("tracking.restore.carrying.LOCK_TIMEOUT", "2s")


@pytest.fixture
def looking(hurried, replicating):
    """An unlogged table differs, and is locked on the copy."""
    replicating.application("create unlogged table cache (id int primary key)")
    replicating.until("the table", lambda: there(replicating, "cache"))
    with connect(replicating.database.copy_conninfo, "app", autocommit=False) as lock:
        lock.execute("lock table public.cache in share mode")
        replicating.application("insert into cache select generate_series(1, 100)")
        replicating.lock = lock
        yield replicating


def cache() -> OtherObject | None:
    return OtherObject.objects.filter(name="cache").first()


def rows(engine) -> int:
    return one(engine.database.copy, "select count(*) from public.cache")


def test_an_object_is_migrating_while_it_is_carried_and_then_in_the_history(looking):
    looking.until("an attempt", OtherObject.objects.filter(name="cache", state="MIGRATING").exists)
    began = OtherObject.objects.filter(name="cache", started_at__isnull=False)
    looking.until("its failure", OtherObject.objects.filter(name="cache", state="FAILED").exists)
    assert not began.filter(state="FAILED").exists()
    looking.lock.rollback()
    looking.until("the rows", lambda: rows(looking) == 100)
    looking.until("the list", lambda: cache() is None)
    history = MigratedObject.objects.get(identity="public.cache", started_at__isnull=False)
    assert (history.object_type, history.count, history.schema_name) == ("table", 2, "public")
    assert history.size and history.started_at <= history.ended_at
    carried, refused = Attempt.objects.filter(identity="public.cache", started_at__isnull=False)
    assert (carried.outcome, refused.outcome) == ("CARRIED", "FAILED")
    assert "lock" in refused.message and carried.job == refused.job == job(looking)


def test_what_was_omitted_is_not_carried_and_what_is_deferred_is_in_the_way_of_a_swap(looking):
    looking.until("its failure", OtherObject.objects.filter(name="cache", state="FAILED").exists)
    looking.stop()
    cache().act("omit", "olga")
    looking.lock.rollback()
    runtime = PoolRuntime(looking.pool, "test")
    assert others.bring(runtime, threading.Event()) == []
    assert rows(looking) == 0 and cache().set_aside == "OMITTED"
    cache().act("restore", "olga")
    cache().act("defer", "olga")
    assert others.bring(runtime, threading.Event()) == ["UNLOGGED TABLE public.cache is deferred"]
    assert (cache().state, cache().set_aside, rows(looking)) == ("PREPARING", "DEFERRED", 0)
    cache().retry("olga")
    assert others.bring(runtime, threading.Event()) == [] and rows(looking) == 100
    assert Attempt.objects.first().by == "olga"
    runtime.close()


def test_what_was_being_carried_when_an_engine_died_is_not_shown_as_if_it_were(replicating):
    replicating.stop()
    OtherObject.objects.create(
        pool=replicating.pool, object_type="ROLE", name="nobody", change="missing", state="MIGRATING",
        started_at=replicating.pool.since,
    )  # fmt: skip
    replicating.set(goal="PAUSED")  # nothing is compared
    replicating.start()
    replicating.until("it", OtherObject.objects.filter(state="READY", started_at=None).exists)
