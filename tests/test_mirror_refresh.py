import itertools
import threading
import time

from nodes.postgres import catalog
from nodes.postgres.connect import connect, one
from tracking.mirror import refresh

TABLE = "create table big (id int primary key, words text)"
LOCKED = b"begin; lock table public.big; select pg_sleep(0.5); commit"


def ready(database) -> tuple:
    for session in (database.source, database.copy):
        session.execute(TABLE)
    database.source.execute("insert into big select n, repeat('x', 200) from generate_series(1, 20000) n")
    table = catalog.table(database.source, "public", "big")
    copy = connect(database.copy_conninfo, "test", session_replication_role="replica")
    return copy, table


def test_other_threads_go_on_while_a_lock_makes_a_refresh_wait(database):
    copy, table = ready(database)
    ticks, ended = [], threading.Event()

    def tick() -> None:
        while not ended.wait(0.005):
            ticks.append(time.monotonic())

    ticking = threading.Thread(target=tick)
    with copy, connect(database.copy_conninfo, "test") as locker:
        locker.pgconn.send_query(LOCKED)
        locker.pgconn.flush()
        ticking.start()
        assert refresh.bring(database.source, copy, [table], []) == 20000
        ended.set()
        ticking.join()
        while locker.pgconn.get_result():
            pass
    assert max(b - a for a, b in itertools.pairwise(ticks)) < 0.3
    assert one(database.copy, "select count(*) from big") == 20000


def test_a_refresh_that_the_copy_refuses_leaves_both_sessions_usable(database):
    copy, table = ready(database)
    database.copy.execute("alter table big add check (id < 15000)")
    with copy:
        try:
            refresh.bring(database.source, copy, [table], [])
        except refresh.RefreshFailed as error:
            assert "public.big" in str(error)
        else:
            raise AssertionError("the copy took rows that its check forbids")
        assert one(copy, "select count(*) from public.big") == 0
    assert one(database.source, "select count(*) from big") == 20000
