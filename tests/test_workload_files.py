import os
import random
import signal
import stat

import psycopg
import pytest
from psycopg import sql

from mwaportal.workload import clients, file_fill, file_journal, files, shop, writers
from mwaportal.workload.file_check import check
from mwaportal.workload.file_client import FileClient, SessionEnded
from mwaportal.workload.file_invoices import invoice_path
from mwaportal.workload.file_journal import AccountFile, AccountInUse
from mwaportal.workload.file_operations import KINDS, plan_for
from mwaportal.workload.file_steps import Plan
from nodes.postgres.connect import connect, one, wait_until
from nodes.postgres.fence import Fence

FILES = 300


@pytest.fixture
def beside(servers, database, tmp_path):
    """A shop on both servers, the source's with files; the copy has its rows and an empty root."""
    made = Beside(servers, database, tmp_path)
    yield made
    for process in made.processes:
        process.kill()
        process.wait()


class Beside:
    def __init__(self, servers, database, tmp_path):
        self.database = database
        self.account = tmp_path / "account"
        self.old, self.new = tmp_path / "old", tmp_path / "new"
        self.new.mkdir()
        self.roots = {
            files.identifier(servers.source.conninfo()): self.old,
            files.identifier(servers.copy.conninfo()): self.new,
        }
        self.processes = []
        for conninfo in (database.source_conninfo, database.copy_conninfo):
            shop.create_roles(conninfo)
            with connect(conninfo, "test") as connection:
                shop.create(connection)
            shop.fill(conninfo, 1000)
        file_fill.fill(self.old, self.account, database.source_conninfo, FILES)

    def start(self, *, both=False, rate=0, **options):
        first, second = self.database.source_conninfo, self.database.copy_conninfo
        conninfo = writers.conninfo_for(first, second if both else first)
        process = files.spawn(conninfo, self.roots, self.account, rate=rate, **options)
        self.processes.append(process)
        return process

    def number(self):
        return file_journal.read(self.account).number

    def work(self, operations=100):
        """Wait until so many more operations have been begun."""
        goal = self.number() + operations
        wait_until(lambda: self.number() >= goal, f"{operations} more operations", seconds=30)

    def refused(self):
        """Wait until the application has tried to connect in vain, now; its status is half a second old."""
        for _ in range(2):
            known = clients.status(self.account).errors.total()
            wait_until(
                lambda known=known: clients.status(self.account).errors.total() > known + 1,
                "the server to refuse the application",
                seconds=15,
            )

    def interrupt(self, connection, wait_ms=0):
        """Terminate the application's sessions."""
        query = """
            select pg_terminate_backend(pid, %s) from pg_stat_activity where usename = 'app' and datname = %s
        """
        connection.execute(query, (wait_ms, self.database.name))

    def assert_exact(self, root):
        """Nothing is missing, nothing differs, nothing is there that nobody knows of."""
        report = check(self.account, root)
        assert (report.lost, report.unaccounted, report.examples) == (0, 0, [])
        assert report.acknowledged > 0
        return report

    def dangling(self, connection, root):
        """Paths of committed rows without a file. Numbers are not used twice: a row that is still there after
        its file was seen to be missing was there all the time."""
        rows = "select path from public.invoices"
        missing = {path for (path,) in connection.execute(rows) if not (root / path).exists()}
        return missing and missing & {path for (path,) in connection.execute(rows)}


def end(process):
    process.send_signal(signal.SIGTERM)
    assert process.wait(15) == 0


def seen(root):
    """Everything about each name below a root by which a change of it would show."""
    found = {}
    for directory, names, others in os.walk(root):
        for name in [*names, *others]:
            whole = os.path.join(directory, name)  # noqa: PTH118
            one = os.lstat(whole)
            found[os.path.relpath(whole, root)] = (one.st_ino, one.st_size, one.st_mode, one.st_ctime_ns)
    return found


@pytest.fixture
def client(beside):
    """The application in this process, with a session of it; operations are made by name."""
    account = AccountFile(beside.account)
    conninfo = writers.conninfo_for(beside.database.source_conninfo, beside.database.source_conninfo)
    client = FileClient(conninfo, beside.roots, account)
    with psycopg.connect(conninfo, autocommit=True) as session:
        root, _ = client.start(session)

        def make(kind, number=None):
            number = number or account.now.number + 1
            plan = plan_for(kind, account.now, number)
            assert plan, f"nothing to do: {kind}"
            before = {path: (root / path).lstat().st_ino for path in account.now.paths}
            old = dict(account.now.paths)
            assert client.make(session, root, number, kind, plan)
            return before, old, account.now.paths

        yield make
    account.close()


def test_each_operation_does_to_the_files_what_it_is_named_after(beside, client):
    random.seed(3)
    root = beside.old

    def inode(path):
        return (root / path).lstat().st_ino

    _, old, new = client("invoice")
    (made,) = set(new) - set(old)
    assert (root / made).read_bytes().startswith(b"%PDF-1.4") and 1000 < (root / made).stat().st_size <= 16384
    assert one(beside.database.source, "select path from invoices order by number desc limit 1") == made

    before, old, new = client("replace invoice")
    (path,) = [path for path in new if new[path] != old[path]]
    assert inode(path) != before[path]

    before, old, new = client("stamp invoice")
    (path,) = [path for path in new if new[path] != old[path]]
    assert inode(path) == before[path] and new[path].split()[1] == old[path].split()[1]
    assert b"paid, see" in (root / path).read_bytes()

    before, old, new = client("change mode")
    (path,) = [path for path in new if new[path] != old[path]]
    assert stat.S_IMODE((root / path).stat().st_mode) != 0o644

    before, old, new = client("link invoice")
    (path,) = set(new) - set(old)
    assert inode(path) in before.values() and (root / path).stat().st_nlink == 2

    client("latest")
    assert (root / "latest.pdf").is_symlink() and (root / "latest.pdf").exists()
    for kind, number, place in (("log", 401, "logs/day 00000/04.log"), ("export", 402, "exports/incoming")):
        client(kind, number)
        before, old, new = client(kind, number + 1)
        (path,) = [path for path in new if new[path] != old[path]]
        assert path.startswith(place) and inode(path) == before[path]

    before, old, new = client("finish export", 600)
    (gone,), (path,) = set(old) - set(new), set(new) - set(old)
    assert gone.startswith("exports/incoming/") and path.startswith("exports/done/")
    assert inode(path) == before[gone]
    directory = inode("exports/done")
    client("put away exports", 601)
    assert inode("exports/sent 0000601") == directory and not (root / "exports/done").exists()

    _, old, new = client("remove invoices")
    assert invoice_path(1) in old and invoice_path(1) not in new and not (root / invoice_path(1)).exists()
    _, old, new = client("remove directory")
    assert not (root / "invoices/00000").exists()
    paths = {path for (path,) in beside.database.source.execute("select path from invoices")}
    assert paths == {path for path in new if path.startswith("invoices/")}
    beside.assert_exact(root)


def test_a_second_name_of_a_file_shows_what_was_written_by_the_first(beside, client):
    random.seed(5)
    for _ in range(3):
        client("remove directory")  # one invoice is left
    client("link invoice")
    for kind, names in (("stamp invoice", 2), ("change mode", 2), ("replace invoice", 1)):
        _, old, new = client(kind)
        assert len([path for path in new if new[path] != old[path]]) == names
    beside.assert_exact(beside.old)


def test_all_operations_happen_and_the_account_equals_the_tree_in_the_end(beside):
    process = beside.start()
    wait_until(
        lambda: set(KINDS) <= set(clients.status(beside.account).commits), "all operations", seconds=60
    )
    end(process)
    assert beside.assert_exact(beside.old).under_way == 0
    assert clients.status(beside.account).errors == {}
    assert not beside.dangling(beside.database.source, beside.old)


def test_no_committed_row_names_a_file_that_is_missing(beside):
    process = beside.start(keep=400)
    goal = beside.number() + 1500
    while beside.number() < goal:
        assert not beside.dangling(beside.database.source, beside.old)
        assert process.poll() is None
    for _ in range(10):
        beside.interrupt(beside.database.source)
        assert not beside.dangling(beside.database.source, beside.old)
        beside.work(20)
    process.kill()
    process.wait()
    assert not beside.dangling(beside.database.source, beside.old)


def test_killed_in_the_middle_account_and_tree_agree_but_for_one_operation(beside):
    chance = random.Random(1)
    for _ in range(8):
        process = beside.start()
        beside.work(chance.randint(20, 120))
        process.kill()
        process.wait()
        report = check(beside.account, beside.old)
        assert (report.lost, report.unaccounted, report.examples) == (0, 0, [])
    end_of_last = beside.start()
    beside.work()
    end(end_of_last)
    assert beside.assert_exact(beside.old).under_way == 0


def test_terminated_sessions_leave_nothing_that_nobody_knows_of(beside):
    process = beside.start()
    for _ in range(40):
        beside.interrupt(beside.database.source)
        beside.work(5)
    end(process)
    assert beside.assert_exact(beside.old).under_way == 0
    assert clients.status(beside.account).errors.total() > 0


def test_no_file_changes_behind_a_fence(beside):
    source = beside.database.source
    process = beside.start()
    for _ in range(10):
        beside.work(20)
        with Fence(beside.database.source_conninfo, beside.database.name, source, set(), seconds=30) as fence:
            fence.close()
            before = seen(beside.old)
            beside.refused()
            assert seen(beside.old) == before
            assert not beside.dangling(source, beside.old)
            fence.reopen()
    beside.work(20)
    end(process)
    beside.assert_exact(beside.old)


@pytest.mark.parametrize("step", [0, 1])
def test_an_operation_whose_session_is_ended_touches_files_no_more(beside, step):
    account = AccountFile(beside.account)
    conninfo = writers.conninfo_for(beside.database.source_conninfo, beside.database.source_conninfo)
    client = FileClient(conninfo, beside.roots, account)
    replacing = plan_for("replace invoice", account.now, 1000)

    def make(root):
        changes, steps = replacing.make(root)
        steps.insert(step, lambda: beside.interrupt(beside.database.source, wait_ms=5000))
        return changes, steps

    before = seen(beside.old)
    with pytest.raises(SessionEnded), psycopg.connect(conninfo, autocommit=True) as session:
        client.make(session, beside.old, 1000, "replace invoice", Plan(make))
    left = {path: kind for path, kind in seen(beside.old).items() if path not in before}
    assert len(left) == step and all(path.endswith(".part") for path in left)
    assert check(beside.account, beside.old).lost == 0
    with psycopg.connect(conninfo, autocommit=True) as session:
        client.start(session)
    account.close()
    assert beside.assert_exact(beside.old).under_way == 0


def test_the_application_goes_over_to_the_root_of_the_server_that_takes_its_rows(beside, servers):
    process = beside.start(both=True)
    beside.work()
    assert seen(beside.new) == {}
    name = sql.Identifier(beside.database.name)
    with connect(servers.source.conninfo(), "test") as outside:
        outside.execute(sql.SQL("alter database {} allow_connections false").format(name))
        beside.interrupt(outside)
    wait_until(lambda: seen(beside.new), "files below the other root", seconds=15)
    before = seen(beside.old)
    beside.work()
    end(process)
    assert seen(beside.old) == before
    paths = {path for (path,) in beside.database.copy.execute("select path from invoices")}
    assert paths and all((beside.new / path).exists() for path in paths)


@pytest.mark.parametrize("how", ["remove", "change", "mode", "add"])
def test_a_difference_is_found(beside, how):
    path = beside.old / invoice_path(7)
    if how == "remove":
        path.unlink()
    elif how == "change":
        path.write_bytes(path.read_bytes()[:-1] + b"x")
    elif how == "mode":
        path.chmod(0o604)
    else:
        path.with_name("unknown").touch()
    report = check(beside.account, beside.old)
    found = (report.missing, report.differing, report.unaccounted)
    assert found == {"remove": (1, 0, 0), "add": (0, 0, 1)}.get(how, (0, 1, 0))
    assert len(report.examples) == 1 and report.acknowledged == FILES


def test_what_was_lost_stays_known_although_the_application_has_gone_on(beside):
    for number in range(1, 31):
        (beside.old / invoice_path(number)).unlink()
    process = beside.start(kinds=("remove directory", "log"))
    wait_until(lambda: not (beside.old / "invoices/00002").exists(), "removal of all", seconds=30)
    process.kill()  # the account is written anew, shorter, at the next start
    process.wait()
    end_of_next = beside.start(kinds=("log",))
    beside.work()
    end(end_of_next)
    report = check(beside.account, beside.old)
    assert (report.missing, report.differing) == (30, 0)


def test_an_account_is_written_by_one_process_and_continued_after_a_torn_line(beside):
    account = AccountFile(beside.account)
    with pytest.raises(AccountInUse, match="is being written by another process"):
        AccountFile(beside.account)
    account.begin(1000, "log", {"a": (None, "file 1 0644 x"), "b\udcff": (None, None)})
    account.close()
    with (beside.account / "files.account").open("ab") as raw:
        raw.write(b'["done"')
    for _ in range(2):
        account = AccountFile(beside.account)
        assert account.now.under_way.changes == {"a": (None, "file 1 0644 x"), "b\udcff": (None, None)}
        assert account.now.number == 1000 and len(account.now.paths) == FILES
        account.close()


def test_filling_twice_changes_nothing(beside):
    before = seen(beside.old)
    file_fill.fill(beside.old, beside.account, beside.database.source_conninfo, FILES)
    assert seen(beside.old) == before
    beside.assert_exact(beside.old)
