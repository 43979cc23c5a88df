import shutil
import signal
import tempfile
from itertools import pairwise
from pathlib import Path

import pytest
from psycopg import sql

from mwaportal.workload import acknowledgements, clients, gaps, ledger, shop, writers
from nodes.postgres.connect import connect, one, wait_until
from nodes.postgres.embedded import EmbeddedServer

ROWS = 10_000


@pytest.fixture
def start(tmp_path):
    """Start the writers on the test's ledger; whoever still lives is killed in the end."""
    processes = []

    def starter(first, second=None, **options):
        process = writers.spawn(writers.conninfo_for(first, second or first), tmp_path, **options)
        processes.append(process)
        return process

    yield starter
    for process in processes:
        process.kill()
        process.wait()


def make_shop(conninfo):
    shop.create_roles(conninfo)
    with connect(conninfo, "test") as connection:
        shop.create(connection)
    shop.fill(conninfo, ROWS)


def acknowledged(directory):
    return sum(len(given.numbers) for given in acknowledgements.read(directory).values())


def work(directory, commits):
    """Wait until so many more transactions have been acknowledged."""
    goal = acknowledged(directory) + commits
    wait_until(lambda: acknowledged(directory) >= goal, f"{commits} more commits", seconds=30)


def end(process):
    process.send_signal(signal.SIGTERM)
    assert process.wait(15) == 0


def assert_faithful(directory, connection):
    report = ledger.check(directory, connection)
    assert (report.lost, report.duplicated, report.examples) == (0, 0, [])
    assert report.acknowledged == acknowledged(directory) > 0
    for given in acknowledgements.read(directory).values():
        assert all(later > earlier for earlier, later in pairwise(given.numbers))
    return report


def wait_for_error(directory, kind):
    wait_until(lambda: clients.status(directory).errors[kind] > 0, f"{kind} in the status", seconds=10)


def app_sessions(database):
    query = "select count(*) from pg_stat_activity where usename = 'app' and datname = %s"
    return one(database.source, query, (database.name,))


def interrupt(connection, how, database):
    """Have every writer's session terminated or cancelled."""
    query = sql.SQL("select {}(pid) from pg_stat_activity where usename = 'app' and datname = %s")
    connection.execute(query.format(sql.Identifier(f"pg_{how}_backend")), (database.name,))


def test_writers_lose_and_double_nothing_and_end_in_order(database, start, tmp_path):
    make_shop(database.source_conninfo)
    process = start(database.source_conninfo)
    work(tmp_path, 2000)
    end(process)
    assert assert_faithful(tmp_path, database.source).unacknowledged == 0
    assert set(acknowledgements.read(tmp_path)) == {1, 2, 3, 4}
    legal = {"40P01 DeadlockDetected", "23503 ForeignKeyViolation", "23505 UniqueViolation"}
    legal.add("40001 SerializationFailure")  # a row that another has moved to another partition meanwhile
    assert set(clients.status(tmp_path).errors) <= legal
    assert app_sessions(database) == 0


def test_writers_survive_a_crash_of_the_server(start, tmp_path):
    top = Path(tempfile.mkdtemp(prefix="mwa-"))
    top.chmod(0o755)
    server = EmbeddedServer(top / "own", 16)
    try:
        server.start()
        make_shop(server.conninfo())
        process = start(server.conninfo())
        for _ in range(3):
            work(tmp_path, 300)
            server.stop("immediate")
            server.start()
        work(tmp_path, 300)
        end(process)
        with connect(server.conninfo(), "test") as connection:
            assert_faithful(tmp_path, connection)
        assert clients.status(tmp_path).errors["OperationalError"] > 0
    finally:
        server.remove()
        shutil.rmtree(top, ignore_errors=True)


def test_terminated_and_cancelled_sessions_lose_and_double_nothing(database, start, tmp_path):
    make_shop(database.source_conninfo)
    process = start(database.source_conninfo)
    for how in ("terminate", "cancel") * 15:
        work(tmp_path, 20)
        interrupt(database.source, how, database)
    work(tmp_path, 100)
    end(process)
    assert_faithful(tmp_path, database.source)
    found = clients.status(tmp_path).errors
    assert found["57P01 AdminShutdown"] > 0 and found["57014 QueryCanceled"] > 0


def test_a_commit_whose_answer_is_lost_is_counted_once(database, start, tmp_path):
    make_shop(database.source_conninfo)
    process = start(database.source_conninfo)
    work(tmp_path, 100)
    waiting = """
        select count(*) filter (where wait_event = 'SyncRep') > 0 and count(*) = 4 from pg_stat_activity
        where usename = 'app' and (wait_event = 'SyncRep' or wait_event_type = 'Lock')
    """
    try:
        database.source.execute("alter system set synchronous_standby_names = 'nobody'")
        database.source.execute("select pg_reload_conf()")
        for _ in range(3):  # transactions are committed, but their sessions end before they can say so
            wait_until(lambda: one(database.source, waiting), "unanswered commits", seconds=10)
            interrupt(database.source, "terminate", database)
    finally:
        database.source.execute("alter system reset synchronous_standby_names")
        database.source.execute("select pg_reload_conf()")
    work(tmp_path, 100)
    end(process)
    assert_faithful(tmp_path, database.source)
    assert clients.status(tmp_path).commits["found committed"] >= 3


@pytest.mark.parametrize("refusal", ["set default_transaction_read_only = on", "allow_connections false"])
def test_writers_go_over_to_the_other_server_when_theirs_refuses(servers, database, start, tmp_path, refusal):
    make_shop(database.source_conninfo)
    make_shop(database.copy_conninfo)
    process = start(database.source_conninfo, database.copy_conninfo, writers=2)
    work(tmp_path, 200)
    with connect(servers.source.conninfo(), "test") as outside:
        outside.execute(
            sql.SQL("alter database {} {}").format(sql.Identifier(database.name), sql.SQL(refusal))
        )
        interrupt(outside, "terminate", database)
    other = one(database.copy, "select system_identifier from pg_control_system()")

    def both_gone_over():
        return all(given.servers[-1] == other for given in acknowledgements.read(tmp_path).values())

    wait_until(both_gone_over, "both writers to be served by the other server", seconds=10)
    work(tmp_path, 100)
    end(process)
    rows = set()
    for connection in (database.source, database.copy):
        rows.update(connection.execute("select writer, number from ledger").fetchall())
    for writer, given in acknowledgements.read(tmp_path).items():
        assert {(writer, number) for number in given.numbers} <= rows


def test_writers_wait_for_a_server_that_accepts_writes(database, start, tmp_path):
    make_shop(database.source_conninfo)
    process = start(database.source_conninfo)
    work(tmp_path, 100)
    name = sql.Identifier(database.name)
    database.source.execute(sql.SQL("alter database {} set default_transaction_read_only = on").format(name))
    interrupt(database.source, "terminate", database)
    wait_for_error(tmp_path, "OperationalError")
    database.source.execute(sql.SQL("alter database {} reset default_transaction_read_only").format(name))
    work(tmp_path, 100)
    end(process)
    assert_faithful(tmp_path, database.source)


def test_a_killed_process_goes_on_where_it_was_without_a_false_alarm(database, start, tmp_path):
    make_shop(database.source_conninfo)
    for _ in range(4):
        process = start(database.source_conninfo)
        work(tmp_path, 300)
        process.kill()
        process.wait()
        wait_until(lambda: app_sessions(database) == 0, "the killed process's sessions to end", seconds=5)
        report = assert_faithful(tmp_path, database.source)
        assert report.unacknowledged <= 4 * 4


def test_a_ledger_that_has_forgotten_its_end_does_not_count_anything_twice(database, start, tmp_path):
    make_shop(database.source_conninfo)
    end_of_first = start(database.source_conninfo, writers=1)
    work(tmp_path, 300)
    end(end_of_first)
    path = tmp_path / "writer-1.ledger"
    path.write_bytes(path.read_bytes()[: 100 * 24])
    second = start(database.source_conninfo, writers=1)
    work(tmp_path, 100)
    end(second)
    assert assert_faithful(tmp_path, database.source).unacknowledged >= 200


def test_a_missing_table_is_reported_and_outlived(database, start, tmp_path):
    make_shop(database.source_conninfo)
    process = start(database.source_conninfo)
    work(tmp_path, 100)
    database.source.execute("alter table ledger rename to hidden")
    wait_until(
        lambda: clients.status(tmp_path).errors["42P01 UndefinedTable"] > 0,
        "the error to be counted",
        seconds=10,
    )
    database.source.execute("alter table hidden rename to ledger")
    work(tmp_path, 100)
    end(process)
    assert_faithful(tmp_path, database.source)


def test_a_rate_is_kept(database, start, tmp_path):
    make_shop(database.source_conninfo)
    process = start(database.source_conninfo, rate=100)
    work(tmp_path, 200)
    end(process)
    given = acknowledgements.read(tmp_path).values()
    first, last = min(one.times[0] for one in given), max(one.times[-1] for one in given)
    assert gaps.commits_per_second(tmp_path, (first, last)) == pytest.approx(100, rel=0.1)
    assert gaps.write_gap_ms(tmp_path, (first, last)) < 1000


def test_writers_make_only_the_transactions_asked_for(database, start, tmp_path):
    make_shop(database.source_conninfo)
    process = start(database.source_conninfo, kinds=("pay", "move stock"))
    work(tmp_path, 200)
    end(process)
    assert set(clients.status(tmp_path).commits) == {"pay", "move stock"}


def test_an_unknown_transaction_is_refused_by_name(database, start, tmp_path):
    process = start(database.source_conninfo, kinds=("pay", "steal"))
    assert process.wait(15) == 2
    assert "--kinds has steal; there are order, pay" in (tmp_path / "writers.log").read_text()
