"""File roots whose copy is on another host: this machine under another name, with a real sshd."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest
from django.conf import settings as django_settings

from mwaportal.portaldb import portal_conninfo
from nodes.models import FileRoot, Node, Pair
from nodes.postgres.connect import wait_until
from tests.engine_swap import approved, die_after, ended
from tests.ssh_host import SshHost, free_port, need_ssh
from tests.test_engine_files import Trees
from tracking import attention
from tracking.engine import filecheck
from tracking.ifs.host_key import fingerprint
from tracking.models import FileChange, FileCompare, FileWatch, MigratedFile

HERE, THERE = "127.0.0.1", "localhost"
TOP = Path(__file__).resolve().parents[1]


@pytest.fixture
def far():
    need_ssh()
    made = SshHost()
    yield made
    made.close()


@pytest.fixture
def trees(engine, far):
    """The copy's files are on THERE; the source's are on the portal's host."""
    with tempfile.TemporaryDirectory(prefix="mwa-files-") as top:
        made = Trees(engine, Path(top))
        lead_to("new", far, THERE)
        yield made
        engine.stop()


def lead_to(node, far, name):
    """As `mwa node-files` does."""
    Node.objects.filter(name=node).update(
        file_host=name, file_port=far.port, file_key=far.key, file_host_key=far.host_key
    )


def entries():
    return {bytes(path) for path in FileChange.objects.values_list("path", flat=True)}


def trackers():
    """The processes that track for this one."""
    children = psutil.Process().children(recursive=True)
    return [child.pid for child in children if "tracking.ifs.tracker" in child.cmdline()]


def failures(pair):
    """What preflight refuses."""
    return [check for check in filecheck.run(pair) if check.status == "failed"]


def test_files_are_copied_to_another_host_and_their_changes_follow(trees, far):
    (trees.old / "invoices").mkdir()
    (trees.old / "invoices" / "1").write_text("one")
    (trees.new / "left over").write_text("of somebody")
    trees.migrate()
    assert trees.root.files_copied == 1 and trees.root.bytes_copied == 3
    assert not (trees.new / "left over").exists()
    assert trees.engine.pair.messages.filter(code="CONFLICT", text__contains="left over").exists()
    (trees.old / "invoices" / "2").write_text("two")
    (trees.old / "invoices" / "1").rename(trees.old / "renamed")
    (trees.old / "other name").hardlink_to(trees.old / "renamed")
    trees.until_there(trees.new / "invoices" / "2", "two")
    trees.until_equal()
    trees.engine.until("no entry", lambda: not FileChange.objects.exists())
    migrated = {str(each): each.size for each in MigratedFile.objects.all()}
    assert migrated["invoices/2"] == 3 and "renamed" in migrated
    assert "Accepted publickey for root" in (far.top / "log").read_text()


def test_a_host_that_is_away_suspends_the_root_and_comes_back_with_nothing_lost(trees, far):
    (trees.old / "file").write_text("before")
    trees.migrate()
    watching = trackers()
    far.stop()
    (trees.old / "file").write_text("meanwhile")
    trees.engine.until("the suspend", lambda: trees.root.in_trouble)
    assert (trees.root.state, trees.root.reason) == ("TRACKING", 9120)
    assert f"localhost port {far.port} cannot be reached" in trees.root.why
    (trees.old / "new").write_text("while it was away")
    trees.engine.until("tracking to go on", lambda: entries() >= {b"file", b"new"})
    (trees.new / ".file.aB3dEf").write_text("left by a crash there")
    far.start()
    trees.until_there(trees.new / "file", "meanwhile")
    trees.until_there(trees.new / "new", "while it was away")
    trees.until_in_step()
    trees.until_equal()
    assert trackers() == watching and len(watching) == 1, "the same tracker, all the time"


def test_a_connection_that_is_cut_again_and_again_loses_nothing(trees, far):
    (trees.old / "file").write_text("x")
    trees.migrate()
    for number in range(30):
        (trees.old / f"{number}").write_bytes(os.urandom(200_000))
        if number % 5 == 0:
            far.cut()
    trees.until_in_step()
    trees.until_equal()
    assert not [path for path in trees.new.iterdir() if path.name.startswith(".")]


def test_another_host_key_is_refused_with_both_fingerprints_until_it_is_pinned(trees, far):
    trees.migrate()
    old = fingerprint(far.host_key)
    far.stop()
    far.make_key("host")
    far.start()
    (trees.old / "file").write_text("secret")
    trees.engine.until("the refusal", lambda: "shows the host key" in trees.root.why)
    assert old in trees.root.why and fingerprint(far.host_key) in trees.root.why
    assert not (trees.new / "file").exists()
    (found,) = failures(trees.engine.pair)
    assert found.name == "host of files" and old in found.observed
    lead_to("new", far, THERE)
    trees.engine.ask("SYNC")
    trees.until_there(trees.new / "file", "secret")
    trees.until_in_step()


def test_preflight_says_what_is_wrong_with_the_other_host_before_anything_is_touched(trees, far):
    def refused():
        (found,) = failures(trees.engine.pair)
        assert found.name == "host of files" and found.needed and found.remedy
        return found.observed

    names = {check.name: check.status for check in filecheck.run(trees.engine.pair)}
    assert names["host of files"] == "passed" and names["room for files"] == "passed"
    assert names["way back of files"] == "warning"  # nobody has said how the source's host is reached
    Node.objects.filter(name="new").update(file_key=far.other_key)
    assert "refuses the key of this node for user root" in refused()
    Node.objects.filter(name="new").update(file_key="")
    assert "there is no ssh key" in refused()
    lead_to("new", far, THERE)
    far.stop()
    assert "cannot be reached" in refused()
    trees.engine.start()
    trees.engine.ask("SYNC")
    trees.engine.until("the refusal", lambda: trees.engine.pair.phase_detail == "E")
    assert "cannot be reached" in trees.engine.pair.detail_text
    assert not FileWatch.objects.exists() and trees.engine.pool.step == ""


def test_a_copy_on_another_host_that_would_take_the_servers_own_files_is_refused(trees, servers):
    data = servers.copy.directory
    for copy, relation in ((data, "is"), (data / "base", "is inside")):
        FileRoot.objects.update(copy=str(copy))
        (found,) = failures(trees.engine.pair)
        assert found.observed.startswith(f"copy {copy} on localhost {relation} {data}")
    (trees.new / "inner").mkdir()
    FileRoot.objects.update(copy=str(trees.new))
    other = trees.old.with_name("other")
    other.mkdir()
    FileRoot.objects.create(
        pair=trees.engine.pair, number=2, source=str(other), copy=str(trees.new / "inner")
    )
    assert "is inside" in failures(trees.engine.pair)[0].observed


def test_a_compare_over_ssh_tells_what_was_changed_on_the_copy_and_the_primary_wins(trees):
    (trees.old / "file").write_text("mine")
    trees.migrate()
    (trees.new / "file").write_text("ours")
    (trees.new / "extra").write_text("ours")
    compare = FileCompare.request(trees.root)
    trees.engine.until("the compare", FileCompare.objects.filter(ended_at__isnull=False).exists)
    compare.refresh_from_db()
    found = {(each["path"], each["kind"]) for each in compare.differences}
    assert compare.verdict == "DIFFERENT" and found >= {("file", "content"), ("extra", "extra")}
    trees.until_equal()


def test_a_row_that_names_a_file_that_is_not_on_the_other_host_keeps_the_roles_from_being_swapped(trees):
    (trees.old / "invoices").mkdir()
    (trees.old / "invoices" / "1").write_text("one")
    (trees.old / "link").symlink_to("invoices")
    trees.engine.database.source.execute("create table invoice (id int primary key, path text)")
    trees.migrate()
    FileRoot.objects.update(query="select path from invoice")
    trees.engine.application(
        f"insert into invoice values (1, 'invoices/1'), (2, '{trees.old}/invoices/2'), (3, 'link/1')"
    )
    trees.engine.until_equal()
    state, why = ended(trees.engine, approved(trees.engine))
    assert state == "FAILED" and "2 of 3 paths that rows name are not below" in why
    assert "invoices/2 does not exist" in why and "link/1 its directory does not exist" in why
    (trees.old / "invoices" / "2").write_text("two")
    trees.engine.application("update invoice set path = 'link' where id = 3")
    trees.engine.until_state("ACTIVE", "REPLICATING")
    request = approved(trees.engine)
    assert ended(trees.engine, request) == ("COMPLETE", "")
    assert "3 paths that rows name are on the secondary" in [step["text"] for step in request.steps]


@contextmanager
def engine_on(host):
    """`manage.py runworker engine` as it is run on another host: its own state directory and environment."""
    home, port = tempfile.mkdtemp(prefix="mwa-there-"), free_port()
    broker = subprocess.Popen(
        ["redis-server", "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"],
        stdout=subprocess.DEVNULL,
    )
    environment = {
        **os.environ, "DJANGO_SETTINGS_MODULE": "mwaportal.settings", "MWA_HOME": home,
        "MWA_FILE_HOST": host, "DATABASE_URL": portal_conninfo(),
        "REDIS_URL": f"redis://127.0.0.1:{port}/0",
        "MWA_CREDENTIAL_KEY": ",".join(django_settings.CREDENTIAL_KEYS),
    }  # fmt: skip
    said = Path(home, "said")
    with said.open("w") as output:
        worker = subprocess.Popen(
            [sys.executable, "manage.py", "runworker", "engine"], env=environment, cwd=TOP, stderr=output
        )
    try:
        yield worker
        worker.send_signal(signal.SIGTERM)
        worker.wait(40)
        assert "doorbell failed" not in said.read_text(), "nobody rang, and that is no failure"
    finally:
        worker.kill()
        worker.wait()
        broker.terminate()
        broker.wait(10)
        shutil.rmtree(home, ignore_errors=True)


def worked_on_by(worker):
    return f":{worker.pid}:" in Pair.objects.get().lease_owner


@pytest.mark.skipif(not shutil.which("redis-server"), reason="there is no redis-server on this machine")
def test_after_a_role_swap_an_engine_on_the_new_primarys_host_carries_the_files_back(trees, far, settings):
    settings.FILE_HOST = HERE
    lead_to("old", far, HERE)
    (trees.old / "file").write_text("old")
    with engine_on(THERE) as worker:
        trees.migrate()
        assert not worked_on_by(worker), "the primary's files are not where it is"
        (trees.old / "late").write_text("late")
        request = approved(trees.engine)
        assert ended(trees.engine, request) == ("COMPLETE", "")
        assert any(step["name"] == "files" for step in request.steps)
        swapped_at = time.monotonic()
        trees.engine.until("the other engine's lease", lambda: worked_on_by(worker), 20)
        assert time.monotonic() - swapped_at < 5
        assert (trees.new / "late").read_text() == "late"
        (trees.new / "file").write_text("new")
        trees.until_there(trees.old / "file", "new")
        trees.until_in_step()
        trees.engine.reconnect()
        trees.engine.until_state("ACTIVE", "REPLICATING")
        assert ended(trees.engine, approved(trees.engine)) == ("COMPLETE", "")
        (trees.old / "file").write_text("old again")
        trees.until_there(trees.new / "file", "old again")
        assert not worked_on_by(worker)


@pytest.mark.parametrize(("step", "state"), [("drain", "FAILED"), ("commit", "COMPLETE")])
def test_a_role_swap_is_brought_to_its_end_by_an_engine_elsewhere_if_its_own_is_gone(
    trees, far, settings, monkeypatch, step, state
):
    settings.FILE_HOST = HERE
    monkeypatch.setenv("MWA_FILE_HOST", HERE)
    lead_to("old", far, HERE)
    trees.migrate()
    trees.engine.stop()
    request = die_after(trees.engine, step)
    settings.FILE_HOST = THERE
    trees.engine.start()
    assert ended(trees.engine, request)[0] == state
    if state == "FAILED":
        trees.engine.until("the lease to be given back", lambda: not trees.engine.pair.attended)
        trees.engine.stop()
        settings.FILE_HOST = HERE
        trees.engine.start()
    primary, secondary = (trees.new, trees.old) if state == "COMPLETE" else (trees.old, trees.new)
    (primary / "file").write_text("changed")
    trees.until_there(secondary / "file", "changed")
    trees.until_in_step()


def test_a_pair_whose_files_are_on_a_host_without_an_engine_is_left_alone_and_can_be_removed(
    trees, far, settings
):
    settings.FILE_HOST = HERE
    trees.engine.start()
    trees.engine.ask("SYNC")
    assert [check.status for check in filecheck.run(trees.engine.pair)] == ["warning"]
    other = Pair.objects.create(name="other", source=trees.engine.pair.source, copy=trees.engine.pair.copy)
    trees.engine.until("the pair without files", lambda: Pair.objects.get(pk=other.pk).attended)
    assert not trees.engine.pair.attended and trees.engine.pair.phase == ""
    (need,) = attention.needs(trees.engine.pair, [trees.root], None, 0, 0)
    assert need.text.startswith("No engine works on it. The files of node old are on the portal's host")
    Pair.objects.filter(pk=other.pk).delete()
    trees.engine.ask("REMOVED")
    wait_until(lambda: not Pair.objects.exists(), "the removal", seconds=30)
