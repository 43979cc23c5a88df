import os
import signal
import threading

import pytest

from nodes.postgres import slot
from nodes.postgres.connect import connect, wait_until
from tests.mirror import content
from tracking.mirror import subscription
from tracking.mirror.capture_client import CaptureFailed
from tracking.mirror.handover import turn_on
from tracking.mirror.phases import Began, RoundEnded, WaitingFor
from tracking.mirror.refresh import RefreshFailed

ACCOUNTS = "create table account (id int primary key, balance int not null default 0, note text)"


def equal(mirror) -> bool:
    return content(mirror.database.source) == content(mirror.database.copy)


def test_rows_written_before_and_after_the_hand_over_arrive(mirror):
    mirror.begin(ACCOUNTS)
    source = mirror.database.source
    source.execute("insert into account select i, 0, 'before' from generate_series(1, 500) i")
    done = mirror.hand_over()
    assert done.rows == 500
    source.execute("update account set note = 'after' where id <= 10; delete from account where id > 490")
    wait_until(mirror.caught_up, "the stream to arrive", seconds=20)
    assert equal(mirror)
    assert [code for code, _ in mirror.said] == ["766", "768", "844", "782"]


def test_a_hand_over_tells_its_phases_and_once_for_whom_it_waits(mirror):
    mirror.begin(ACCOUNTS)
    with connect(mirror.database.source_conninfo, "app", autocommit=False) as application:
        application.execute("insert into public.account values (1)")
        pid = application.info.backend_pid
        handing_over = threading.Thread(target=mirror.hand_over)
        handing_over.start()
        wait_until(lambda: len(waits(mirror)) > 1, "two looks at who runs", seconds=20)
        application.commit()
        handing_over.join(20)
    began = [event for event in mirror.reported if isinstance(event, Began)]
    assert [event.part for event in began] == ["0", "1.1", "1.2", "1.3", "1.4", "2"]
    assert [event.position is None for event in began] == [True, True, True, False, False, False]
    (running,) = waits(mirror)[0].running
    assert (running.pid, running.database) == (pid, mirror.database.name)
    assert running.application == "mwa app" and running.query.startswith("insert into public.account")
    assert [code for code, _ in mirror.said] == ["766", "767", "768", "844", "782"]


def waits(mirror) -> list[WaitingFor]:
    return [event for event in mirror.reported if isinstance(event, WaitingFor)]


def test_a_hand_over_tells_of_each_round_before_it(mirror):
    mirror.begin(ACCOUNTS)
    mirror.database.source.execute("insert into account select i from generate_series(1, 400) i")
    done = mirror.hand_over(default=10)  # more changes than that: the table goes whole, and in a round
    assert [event for event in mirror.reported if isinstance(event, RoundEnded)] == [RoundEnded(400, 1)]
    assert (done.rows, done.rounds) == (400, 2)


def test_a_hand_over_under_load_forgets_nothing(mirror):
    mirror.begin(ACCOUNTS)
    mirror.database.source.execute("insert into account select i from generate_series(1, 300) i")
    stop = threading.Event()

    def write(number: int) -> None:
        with connect(mirror.database.source_conninfo, "x", search_path="public") as session:
            while not stop.is_set():
                session.execute("update account set balance = balance + 1 where id = %s", (number,))
                session.execute(
                    "insert into account values (1000 + (random() * 1e6)::int) on conflict do nothing"
                )
                session.execute("delete from account where id = 1 + (random() * 300)::int")

    writers = [threading.Thread(target=write, args=(number,)) for number in range(1, 4)]
    for writer in writers:
        writer.start()
    try:
        mirror.hand_over(default=10_000)
        mirror.suspend()
        mirror.hand_over(default=10_000)
    finally:
        stop.set()
        for writer in writers:
            writer.join()
    wait_until(mirror.caught_up, "the stream to arrive", seconds=20)
    assert equal(mirror)


def test_pause_keeps_keys_and_start_brings_only_those_rows(mirror):
    mirror.begin(ACCOUNTS)
    source = mirror.database.source
    source.execute("insert into account select i from generate_series(1, 1000) i")
    mirror.hand_over(default=10_000)
    mirror.suspend()
    with mirror.tracking() as capture:
        for _ in range(20):
            source.execute("update account set balance = balance + 1 where id <= 50")
        mirror.all_listed(capture)
        (owed,) = mirror.owed()
        assert (owed.keys, owed.whole_reason, owed.key_columns) == (50, "", ("id",))
        assert slot.find(source, mirror.route.slot).confirmed <= capture.latest["position"]
        capture.stop()
    assert mirror.hand_over().rows == 50
    assert mirror.owed() == []
    assert equal(mirror)


def test_capture_killed_at_any_moment_forgets_nothing(mirror):
    mirror.begin(ACCOUNTS)
    source = mirror.database.source
    for start in range(0, 300, 100):
        with mirror.tracking() as capture:
            source.execute(f"insert into account select i from generate_series({start} + 1, {start} + 100) i")
            capture.kill()
    mirror.hand_over()
    assert equal(mirror) and len(content(mirror.database.copy)["public.account"]) == 300


def test_a_failed_hand_over_keeps_the_list_and_the_next_one_succeeds(mirror):
    mirror.begin(ACCOUNTS)
    mirror.database.source.execute("insert into account values (1)")
    mirror.database.copy.execute("alter table account rename note to remark")
    with pytest.raises(RefreshFailed, match=r"public.account: its columns differ: note .*, remark"):
        mirror.hand_over()
    mirror.database.copy.execute("alter table account rename remark to note")
    mirror.database.source.execute("insert into account values (2)")
    mirror.hand_over()
    assert equal(mirror)


def test_keys_of_every_shape_are_listed_and_brought(mirror):
    mirror.begin("""
        create table composite (a text, b date, c int, primary key (c, a, b));
        create table "Odd ""name" (id uuid primary key default gen_random_uuid(), v int);
        create table words (word text primary key, n int);
        create table floats (f float8 primary key, at timestamptz);
        create table by_index (x int, y text not null);
        create unique index by_index_y on by_index (y);
        alter table by_index replica identity using index by_index_y;
        create type mood as enum ('fine', 'so so');
        create table enums (m mood primary key);
        create table bytes (b bytea primary key);
        create schema ext; create extension vector schema ext;
        create table vectors (v ext.vector(2) primary key)
    """)
    source = mirror.database.source
    source.execute(r"""
        insert into composite values ('it''s "q", {x}', '2024-02-29', 1), (E'a\\b\tc\nd', 'infinity', 2);
        insert into "Odd ""name" (v) select 1 from generate_series(1, 3);
        insert into words values ('NULL', 1), ('', 2), ('ünï', 3), (' ', 4), ('null', 5),
            ('a,{b}', 6), ('{}', 7);
        insert into floats values (0.1, now()), ('NaN', null), (1e300, '-infinity');
        insert into by_index values (null, 'k'), (1, 'l');
        insert into enums values ('so so');
        insert into bytes values ('\x00ff'), ('');
        insert into vectors values ('[1,2.5]'), ('[3,4]')
    """)
    mirror.hand_over()
    assert equal(mirror)
    mirror.suspend()
    source.execute("""
        update composite set a = 'moved' where c = 1; delete from words where n in (1, 2);
        update words set word = word || '!' where n > 2; update by_index set x = 7; delete from bytes
    """)
    assert mirror.hand_over().rows == 1 + 5 + 2
    assert equal(mirror)


def test_two_rows_that_exchange_a_unique_value_are_brought(mirror):
    mirror.begin("create table seat (id int primary key, place int unique deferrable initially deferred)")
    source = mirror.database.source
    source.execute("insert into seat select i, i from generate_series(1, 10) i")
    mirror.hand_over()
    mirror.suspend()
    source.execute("update seat set place = 11 - place")
    mirror.hand_over()
    assert equal(mirror)


def test_truncate_and_too_many_changes_make_a_table_go_whole(mirror):
    mirror.begin("create table emptied (id int primary key); create table busy (id int primary key)")
    source = mirror.database.source
    source.execute("insert into emptied values (1), (2); insert into busy select generate_series(1, 500)")
    mirror.hand_over()
    mirror.suspend()
    source.execute("truncate emptied; insert into emptied values (3); update busy set id = id + 1000")
    with mirror.tracking(limits={"public.busy": 100}) as capture:
        mirror.all_listed(capture)
    reasons = {str(owed): owed.whole_reason for owed in mirror.owed()}
    assert reasons == {
        "public.busy": "more than 100 of its rows changed",
        "public.emptied": "it was truncated",
    }
    mirror.hand_over()
    assert equal(mirror)


def test_a_table_without_a_key_is_updated_on_the_source_and_goes_whole(mirror):
    mirror.begin("create table log (line text)")
    source = mirror.database.source
    source.execute("insert into log values ('a'), ('a'), ('b')")
    source.execute("update log set line = 'c' where line = 'b'")  # would fail without an identity
    mirror.hand_over()
    assert equal(mirror)
    source.execute("delete from log where line = 'c'; update log set line = 'd' where line = 'a'")
    wait_until(mirror.caught_up, "the stream to arrive", seconds=20)
    assert equal(mirror)


def test_generated_identity_toasted_and_partitioned_rows_arrive(mirror):
    mirror.begin("""
        create table line (id int generated always as identity primary key, price numeric, n int,
                           total numeric generated always as (price * n) stored);
        create table document (id int primary key, body text, seen int default 0);
        create table event (id int, at date, primary key (id, at)) partition by range (at);
        create table event_old partition of event for values from (minvalue) to ('2024-01-01');
        create table event_new partition of event default;
        create table child (id int primary key, line int references line)
    """)
    source = mirror.database.source
    source.execute("alter table document alter body set storage external")
    source.execute("""
        insert into line (price, n) select 1.10, i from generate_series(1, 5) i;
        insert into document select i, repeat('long', 5000), 0 from generate_series(1, 3) i;
        insert into event select i, date '2023-12-30' + i from generate_series(1, 5) i;
        insert into child values (1, 1)
    """)
    mirror.hand_over()
    assert equal(mirror)
    change = """
        update line set n = n + 1 where id = 1; update document set seen = seen + 1;
        update event set at = at + 365 where id = 1; insert into child select max(id) + 1, 2 from child
    """
    source.execute(change)
    wait_until(mirror.caught_up, "the stream to arrive", seconds=20)
    assert equal(mirror)
    mirror.suspend()
    source.execute(change)
    mirror.hand_over()
    assert equal(mirror)


def test_the_copy_alone_decides_the_hand_over_when_everything_dies_after_it(mirror):
    """Both positions stand after a crash of both servers right behind the hand-over's commit."""
    mirror.begin(ACCOUNTS)
    mirror.database.source.execute("insert into account values (1)")
    done = mirror.hand_over()
    found = subscription.find(mirror.database.copy, mirror.route.slot)
    assert found.enabled and found.applied >= done.position


def test_a_capture_that_has_died_can_be_ended_with_a_command_under_way(mirror):
    mirror.begin(ACCOUNTS)
    with mirror.tracking() as capture:
        os.kill(capture.pid, signal.SIGKILL)
        wait_until(lambda: not capture.alive(), "its death", seconds=10)
        with pytest.raises(CaptureFailed):
            capture.stop()


def test_a_stream_is_not_turned_on_where_the_slot_is_gone(mirror):
    mirror.begin(ACCOUNTS)
    slot.drop(mirror.database.source, mirror.route.slot)
    with pytest.raises(LookupError, match=f"slot {mirror.route.slot} is gone from the primary"):
        turn_on(mirror.route, mirror.database.source, 1)
    assert subscription.find(mirror.database.copy, mirror.route.slot) is None
