"""Strings that lead nowhere, to the wrong place, or only from here."""

import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

import pytest
from psycopg.conninfo import make_conninfo

from nodes.postgres import preflight
from nodes.postgres.connect import connect, wait_until
from nodes.postgres.embedded import CONFIGURATION, EmbeddedServer
from nodes.postgres.programs import program
from tests.preflight import look, texts, the

PASSWORD = "geheim-4711"
WRONG = "wrong-4711"
HBA = """\
local  all  keeper   scram-sha-256
local  all  visitor  reject
local  all  all      trust
local  replication  all  trust
"""

# The working directory of whoever opens it: here the source's, in the copy's server its own.
needs_proc = pytest.mark.skipif(not Path("/proc/self/cwd").exists(), reason="needs /proc")


@dataclass(frozen=True)
class Guarded:
    """A server that asks some roles for a password, and a physical standby of it."""

    server: EmbeddedServer
    standby: EmbeddedServer

    def conninfo(self, **parts: str) -> str:
        return make_conninfo(self.server.conninfo(), **parts)


@pytest.fixture(scope="module")
def guarded():
    top = Path(tempfile.mkdtemp(prefix="mwa-"))
    top.chmod(0o755)
    (top / "hba.conf").write_text(HBA)
    configuration = CONFIGURATION.replace("256MB", "16MB") + f"hba_file = '{top / 'hba.conf'}'\n"
    two = Guarded(
        EmbeddedServer(top / "guarded", 18, configuration),
        EmbeddedServer(top / "standby", 18, configuration),
    )
    try:
        two.server.start()
        with connect(two.server.conninfo(), "test") as session:
            session.execute(f"create role keeper superuser login password '{PASSWORD}'")
            session.execute("create role visitor login; create role plain login")
            session.execute("create database shop")
        _back_up(two)
        two.standby.start()
        yield two
    finally:
        two.standby.stop("immediate")
        two.server.stop("immediate")
        shutil.rmtree(top, ignore_errors=True)


def _back_up(two: Guarded) -> None:
    command = [program("pg_basebackup"), "--write-recovery-conf", "--checkpoint=fast", "--no-sync"]
    subprocess.run(
        [*command, "--dbname", two.server.conninfo(), "--pgdata", str(two.standby.directory)],
        check=True,
        capture_output=True,
    )
    (two.standby.directory / ".s.PGSQL.5432.lock").unlink(missing_ok=True)
    owner = two.server.directory.stat().st_uid
    for path in [two.standby.directory, *two.standby.directory.rglob("*")]:
        shutil.chown(path, owner)


@pytest.mark.parametrize(
    ("conninfo", "reason"),
    [
        ("", "is empty"),
        ("   ", "is empty"),
        ("hello", "cannot be read"),
        (f"host=here password={PASSWORD} again", "cannot be read"),
        (f"hots=here password={PASSWORD}", "cannot be read"),
        (f"postgresql://keeper:12@{PASSWORD}@here/shop", "more than one @"),
        (f"postgresql://keeper:12/{PASSWORD}@here/shop", "more than one @"),
        (f"postgresql://keeper:{PASSWORD}?x@nowhere.invalid/shop", "nowhere.invalid"),
        (f"host=here port={PASSWORD}", "its port is not a number"),
        (f"host=/nowhere password={PASSWORD}", "failed"),
        (f"host=127.0.0.1 sslpassword={PASSWORD}", "it holds sslpassword"),
        (f"host=nowhere.invalid password={PASSWORD}", "nowhere.invalid"),
        (f"postgresql://keeper:{PASSWORD}@127.0.0.1:1/shop", "Connection refused"),
    ],
)
def test_a_string_that_leads_nowhere_says_so_without_its_password(guarded, conninfo, reason):
    for pair in ((conninfo, guarded.conninfo()), (guarded.conninfo(), conninfo), (conninfo, conninfo)):
        checks = preflight.run(*pair, ["shop"])
        wrong = [check for check in checks if check.name == "connection" and check.status == "failed"]
        assert len(wrong) == pair.count(conninfo)
        assert all(reason in check.observed and check.remedy for check in wrong)
        assert not preflight.passed(checks)
        assert not [piece for piece in (PASSWORD, "4711", "geheim") if piece in texts(checks)]


def test_what_can_be_looked_at_is_looked_at_when_the_other_node_is_away(guarded):
    checks = preflight.run(guarded.conninfo(), "host=/nowhere", ["shop"])
    assert the(checks, "wal_level").node == "source"
    assert the(checks, "tables without a key").status == "passed"
    assert {check.node for check in checks if check.name != "connection"} == {"source"}


@pytest.mark.parametrize(
    ("parts", "reason", "remedy"),
    [
        ({"user": "keeper", "password": WRONG}, "password authentication failed", "alter role keeper"),
        ({"user": "keeper"}, "no password supplied", "Give the role's password"),
        ({"user": "visitor"}, "rejects connection", "pg_hba.conf"),
        ({"user": "nobody"}, 'role "nobody" does not exist', "create role nobody"),
        ({"dbname": "shopp"}, 'database "shopp" does not exist', "createdb shopp"),
    ],
)  # fmt: skip
def test_a_server_that_refuses_is_quoted_and_the_remedy_fits(guarded, servers, parts, reason, remedy):
    conninfo = guarded.conninfo(**parts)
    for node, pair in (
        ("source", (conninfo, servers.copy.conninfo())),
        ("copy", (servers.source.conninfo(), conninfo)),
    ):
        checks = preflight.run(*pair, ["postgres"])
        check = the(checks, "connection", node)
        assert check.status == "failed" and reason in check.observed and remedy in check.remedy
        assert PASSWORD not in texts(checks) and WRONG not in texts(checks)


def test_a_servers_message_that_repeats_the_password_is_not_passed_on(guarded, servers):
    conninfo = guarded.conninfo(user="keeper", password=PASSWORD, dbname=PASSWORD)
    checks = preflight.run(conninfo, servers.copy.conninfo(), ["postgres"])
    assert 'database "***" does not exist' in the(checks, "connection", "source").observed
    assert PASSWORD not in texts(checks)


def test_a_password_that_is_right_appears_nowhere_either(guarded, servers):
    conninfo = guarded.conninfo(user="keeper", password=PASSWORD)
    checks = preflight.run(conninfo, servers.copy.conninfo(), ["shop"], preflight.Options(True))
    assert the(checks, "connection", "source").status == "passed"
    assert the(checks, "source reached from copy").status == "passed"
    assert PASSWORD not in texts(checks)


def test_the_same_cluster_as_both_nodes_is_refused_however_it_is_written(guarded):
    plain = guarded.conninfo(user="plain")
    for other in (guarded.conninfo(), guarded.conninfo(dbname="shop"), plain):
        for source, copy in ((guarded.conninfo(), other), (other, plain)):
            checks = preflight.run(source, copy, ["shop"])
            assert [check.name for check in checks] == ["connection", "connection", "same cluster"]
            assert checks[-1].status == "failed" and "one server" in checks[-1].observed


def test_the_same_cluster_is_found_without_the_right_to_read_its_identifier(guarded):
    right = "execute on function pg_control_system()"
    with connect(guarded.conninfo(), "test") as session:
        session.execute(f"revoke {right} from public")
    try:
        plain = guarded.conninfo(user="plain")
        check = the(preflight.run(plain, plain, ["shop"]), "same cluster")
        assert check.status == "failed" and "not readable" in check.observed
    finally:
        with connect(guarded.conninfo(), "test") as session:
            session.execute(f"grant {right} to public")


def test_a_physical_copy_of_the_source_is_told_from_another_cluster(guarded):
    check = the(preflight.run(guarded.conninfo(), guarded.standby.conninfo(), ["shop"]), "same cluster")
    assert check.status == "failed" and "physical copy" in check.observed


def test_a_standby_is_refused(guarded, servers):
    standby = guarded.standby.conninfo()
    assert (
        the(preflight.run(standby, servers.copy.conninfo(), ["shop"]), "primary", "source").status == "failed"
    )
    assert (
        the(preflight.run(servers.source.conninfo(), standby, ["shop"]), "primary", "copy").status == "failed"
    )


def test_several_hosts_are_refused_unless_only_the_primary_is_taken(guarded, servers):
    hosts = {"host": f"{guarded.standby.directory},{guarded.server.directory}", "port": "5432,5432"}
    balanced = guarded.conninfo(**hosts)
    check = the(preflight.run(balanced, servers.copy.conninfo(), ["shop"]), "one server", "source")
    assert check.status == "failed" and "2 hosts" in check.observed
    primary = guarded.conninfo(**hosts, target_session_attrs="read-write")
    checks = preflight.run(primary, servers.copy.conninfo(), ["shop"], preflight.Options(True))
    assert the(checks, "one server", "source").status == "passed"
    assert the(checks, "source reached from copy").status == "passed"


def test_a_string_that_leads_to_another_server_each_time_is_refused(guarded, servers):
    """As a balancer in front of one address does it: here libpq itself chooses."""
    hosts = ",".join(str(server.directory) for server in (guarded.server, guarded.standby) * 20)
    one_by_one = guarded.conninfo(host=hosts, port=",".join(["5432"] * 40), load_balance_hosts="random")
    found = [
        the(preflight.run(one_by_one, servers.copy.conninfo(), []), "one server", "source") for _ in range(5)
    ]
    assert {check.status for check in found} == {"failed"}
    assert any("2 servers met" in check.observed for check in found)


def test_a_role_that_may_not_replicate_is_found_by_trying(guarded, servers):
    plain = guarded.conninfo(user="plain")
    check = the(preflight.run(plain, servers.copy.conninfo(), ["shop"]), "replication connection", "source")
    assert check.status == "failed" and 'alter role "plain" replication' in check.remedy
    assert "permission denied to start WAL sender" in check.observed


def test_a_source_that_only_this_host_can_reach_is_refused(guarded, servers, monkeypatch):
    monkeypatch.setenv("PGPASSWORD", PASSWORD)  # ours; the copy's server has none
    checks = preflight.run(guarded.conninfo(user="keeper"), servers.copy.conninfo(), ["shop"])
    assert the(checks, "connection", "source").status == "passed"
    check = the(checks, "source reached from copy")
    assert check.status == "failed" and "no password supplied" in check.observed


@needs_proc
def test_no_log_gets_the_string_of_a_try_that_fails(guarded, servers, monkeypatch):
    monkeypatch.chdir(guarded.server.directory)
    conninfo = guarded.conninfo(host="/proc/self/cwd", user="keeper", password=PASSWORD)
    checks = preflight.run(conninfo, servers.copy.conninfo(), ["shop"])
    check = the(checks, "source reached from copy")
    assert check.status == "failed" and 'role "keeper" does not exist' in check.observed
    assert PASSWORD not in texts(checks)
    log = servers.copy.directory / "log" / "server.log"
    wait_until(lambda: 'role "keeper" does not exist' in log.read_text(), "the log", seconds=5)
    assert PASSWORD not in log.read_text()


@needs_proc
def test_a_string_that_means_another_server_on_the_other_host_is_refused(guarded, servers, monkeypatch):
    """As localhost does: from here it leads to the source, from the copy's server to itself."""
    monkeypatch.chdir(guarded.server.directory)
    conninfo = guarded.conninfo(host="/proc/self/cwd", dbname="postgres")
    checks = preflight.run(conninfo, servers.copy.conninfo(), ["postgres"])
    assert the(checks, "connection", "source").status == "passed"
    check = the(checks, "source reached from copy")
    assert check.status == "failed" and "connected, but not to the source" in check.observed


def test_each_node_reaches_the_other(database):
    checks = look(database)
    assert the(checks, "source reached from copy").observed == "connected"
    assert the(checks, "copy reached from source").observed == "connected"
