import os
import signal
import threading

import pytest

from nodes.postgres import sequences
from nodes.postgres.connect import one
from tests.engine_swap import approved, ended
from tests.mirror import content
from tests.test_engine_sync_new_tables import nothing_left_to_do

SCHEMA = """
    create table account (id int primary key, n int not null default 0, note text);
    create table log (line text, at int);
    create table document (id int primary key, body text, seen int default 0);
    alter table document alter body set storage external;
    create table line (id int generated always as identity primary key, price int, n int,
                       total int generated always as (price * n) stored);
    create table event (id int, at date, n int default 0, primary key (id, at)) partition by range (at);
    create table event_2023 partition of event for values from ('2023-01-01') to ('2024-01-01');
    create table event_rest partition of event default;
    create table parent (id int primary key);
    create table child (id int primary key, parent int references parent on delete cascade on update cascade);
    create table by_index (code text not null, n int);
    create unique index by_index_code on by_index (code);
    alter table by_index replica identity using index by_index_code;
    create function touched() returns trigger language plpgsql as
        $$ begin new.note = 'touched ' || coalesce(new.note, ''); return new; end $$;
    create trigger touch before insert or update on account for each row execute function touched();
    create sequence ticket cache 50;
    insert into account select i from generate_series(1, 60) i;
    insert into log select 'line ' || i % 5, i from generate_series(1, 20) i;
    insert into document select i, repeat('long', 3000) from generate_series(1, 5) i;
    insert into line (price, n) select i, 2 from generate_series(1, 10) i;
    insert into event select i, date '2023-06-01' + i from generate_series(1, 10) i;
    insert into parent select generate_series(1, 10);
    insert into child select i, 1 + i % 10 from generate_series(1, 30) i;
    insert into by_index values ('a', 1), ('b', 2)
"""
CHANGES = {
    "truncate": "truncate account; insert into account values (7)",
    "truncate cascade": "truncate parent cascade; insert into parent values (3);"
    " insert into child values (1, 3)",
    "key update": "update account set id = id + 1000 where id < 20; update account set id = 1 where id = 30",
    "keys exchanged": "update account set id = -id where id in (1, 2);"
    " update account set id = 3 + id where id < 0",
    "identity index": "update by_index set code = 'c', n = 5 where code = 'a';"
    " delete from by_index where n = 2",
    "no key": "update log set line = 'x' where at % 2 = 0; delete from log where at > 15;"
    " insert into log values ('twice', 1), ('twice', 1), (null, null); delete from log where line = 'line 3'",
    "toasted": "update document set seen = seen + 1; update document set id = id + 100 where id < 3",
    "generated": "update line set n = n + 1 where id < 5; insert into line (price, n) values (7, 7)",
    "cascade": "delete from parent where id < 4; update parent set id = id + 100 where id = 9",
    "partition moved": "update event set at = at + 400 where id < 5; update event set n = 1;"
    " truncate event_2023",
    "key dropped": "alter table account drop constraint account_pkey; update account set n = n + 1;"
    " delete from account where id = 50; insert into account values (1), (1)",
    "rolled back": "begin; delete from account; rollback; begin; savepoint s;"
    " delete from account where id = 1;"
    " rollback to s; update account set n = 2 where id = 2; commit",
}
LOAD = """
    update account set id = id + 1000 where id < 20; update account set n = n + 1 where id > 1000;
    update account set id = id - 1000 where id > 1000; update log set line = line || '.' where at < 5;
    delete from log where at = 7; insert into log values ('again', 7), ('again', 7);
    update document set seen = seen + 1; update line set n = n + 1;
    delete from parent where id = 3; insert into parent values (3); insert into child values (2, 3)
        on conflict (id) do update set parent = 3;
    update event set at = at + 400 where at < '2024-01-01'; update event set at = at - 400 where id < 5
"""


@pytest.fixture
def replicating(engine):
    """A pair that is ACTIVE."""
    engine.database.source.execute(SCHEMA)
    engine.migrate()
    return engine


def change(engine, what: str) -> None:
    engine.application(CHANGES[what])
    if what == "key dropped":  # what must not happen is that the UPDATE fails
        engine.application("update account set n = n + 1; delete from account where id = 51")


@pytest.mark.parametrize("what", CHANGES)
def test_while_active(replicating, what):
    change(replicating, what)
    assert replicating.pool.state == "ACTIVE"
    replicating.until_equal()
    replicating.until_state("ACTIVE", "REPLICATING")
    nothing_undone(replicating)


@pytest.mark.parametrize("what", CHANGES)
def test_while_tracking(replicating, what):
    replicating.ask("PAUSED")
    replicating.until("the pause", lambda: replicating.pair.phase == "PAUSED")
    change(replicating, what)
    replicating.ask("SYNC")
    replicating.until_state("ACTIVE", "REPLICATING")
    replicating.until_equal()
    change(replicating, "no key")
    replicating.until_equal()


def nothing_undone(engine) -> None:
    assert not engine.pool.definition_entries.filter(done_at=None).exists()


def test_a_key_dropped_in_a_pause_does_not_break_the_applications_updates(replicating):
    replicating.ask("PAUSED")
    replicating.until("the pause", lambda: replicating.pair.phase == "PAUSED")
    replicating.application("update account set n = 9 where id < 9")
    replicating.ask("SYNC")
    change(replicating, "key dropped")
    replicating.until_state("ACTIVE", "REPLICATING")
    replicating.until_equal()


def test_everything_at_once_under_load_with_pauses(replicating):
    stop, rounds = threading.Event(), []

    def write() -> None:
        while not stop.is_set():
            replicating.application(LOAD)
            rounds.append(1)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        for _ in range(2):
            replicating.ask("PAUSED")
            replicating.until("the pause", lambda: replicating.pair.phase == "PAUSED")
            replicating.ask("SYNC")
            replicating.until_state("ACTIVE", "REPLICATING")
    finally:
        stop.set()
        writer.join()
    assert len(rounds) > 5
    replicating.until_equal()
    nothing_left_to_do(replicating)


def test_sequences_are_carried_while_active_and_exact_at_the_swap(replicating):
    source, copy = replicating.database.source, replicating.database.copy
    for _ in range(60):
        source.execute("select nextval('ticket')")
    replicating.until("the sequence", lambda: one(copy, "select last_value from ticket") >= 100, seconds=20)
    drawn = [one(source, "select nextval('ticket')") for _ in range(200)]
    before = sequences.read(source)
    assert ended(replicating, approved(replicating)) == ("COMPLETE", "")
    replicating.reconnect()
    copy = replicating.database.copy
    there = {(s.schema, s.name): value for s, value in sequences.read(copy).items()}
    assert {(s.schema, s.name): value for s, value in before.items()} == there
    assert one(copy, "select nextval('ticket')") > max(drawn)
    copy.execute("insert into line (price, n) values (1, 1)")
    assert one(copy, "select max(id) from line") == 11
    replicating.until_equal()


@pytest.mark.parametrize("listed", [True, False])
def test_a_copy_that_streams_while_nobody_looks_is_not_trusted_with_what_is_on_the_list(
    replicating, servers, listed
):
    """The portal stops while the copy is away, and the copy comes back first: its apply worker finds the slot
    free and goes on behind what is only on the list. Tables of which nothing was listed are not concerned."""
    replicating.database.copy.close()
    servers.copy.stop("immediate")
    replicating.until_state("TRACKING", "SUSPENDED", 266)
    if listed:
        replicating.application("insert into account values (500, 5)")
        replicating.until("the list", lambda: replicating.pool.tracked_rows == 1)
    replicating.stop()
    servers.copy.start()
    name = replicating.pool.slot()
    replicating.reconnect()
    active = "select active from pg_replication_slots where slot_name = %s"
    replicating.until("the stream", lambda: one(replicating.database.source, active, (name,)))
    replicating.application("update account set id = 501 where id = 500; insert into log values ('last', 0)")
    replicating.until(
        "the stream to arrive",
        lambda: "(last,0)" in content(replicating.database.copy)["public.log"],
    )
    replicating.start()
    replicating.until_state("ACTIVE", "REPLICATING")
    replicating.until_equal(10)
    told = replicating.pair.messages.filter(text__startswith="The copy went on without us")
    assert [message.text.split(" are ")[1] for message in told] == ["public.account"] * listed
    assert replicating.pool.resync_rows == 61 * listed


def test_a_worker_that_does_not_end_keeps_nothing_from_being_tracked(replicating):
    """What it still applies would come after the newer rows of a hand-over: that one waits for its end."""
    name = replicating.pool.slot()
    worker = one(
        replicating.database.copy, "select pid from pg_stat_subscription where subname = %s", (name,)
    )
    os.kill(worker, signal.SIGSTOP)
    try:
        replicating.ask("PAUSED")
        replicating.application("update account set n = 77 where id = 7")
        replicating.until("the list", lambda: replicating.pool.tracked_rows == 1)
    finally:
        os.kill(worker, signal.SIGCONT)
    replicating.ask("SYNC")
    replicating.until_state("ACTIVE", "REPLICATING")
    replicating.until_equal()
