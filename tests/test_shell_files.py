"""File roots and the IFS tracking list from a shell: as on the page, and it says why not."""

import json
import os
import tempfile
import threading
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.utils import timezone

from mwaportal.portaldb import portal_conninfo
from nodes.models import FileRoot, SwapRequest
from nodes.postgres.connect import connect, one, wait_until
from tests.portal import carried, make_pair, make_people, make_root, make_synchronizing_pair, owe
from tests.test_shell import mwa, refused
from tracking.ifs import history
from tracking.ifs.changelist import FileList
from tracking.models import FileChange, FileCompare, Message, MigratedFile, set_state

pytestmark = pytest.mark.django_db


@pytest.fixture
def top():
    with tempfile.TemporaryDirectory(prefix="mwa-roots-") as made:
        for name in ("old", "new"):
            (Path(made) / name).mkdir()
        yield Path(made).resolve()


def add(top: Path, *more: str) -> tuple[str, ...]:
    return ("root", "add", "shop", str(top / "old"), str(top / "new"), *more)


def test_a_root_is_added_listed_and_removed(top):
    make_pair()
    said = mwa(*add(top, "--exclude", "*.tmp", "cache/", "--exclude", "!keep.tmp", "--user", "olga"))
    assert said == f"file root 1 of pair shop: {top}/old -> {top}/new\n"
    root = FileRoot.objects.get()
    assert root.patterns == ("*.tmp", "cache/", "!keep.tmp")
    assert Message.objects.get().text == f"file root {top}/old -> {top}/new was added by olga"
    assert mwa("root", "list", "shop").splitlines() == [
        f"1  NOT MIRRORED  {top}/old -> {top}/new  nothing is owed",
        "    left out: *.tmp", "    left out: cache/", "    left out: !keep.tmp",
    ]  # fmt: skip
    assert "is not tracked any more; both trees stay" in mwa("root", "remove", "shop", "1")
    assert not FileRoot.objects.exists() and (top / "old").is_dir() and mwa("root", "list", "shop") == ""


@pytest.mark.parametrize(
    "typed, said",
    [
        (("old", "{top}/new"), "source old: a relative path; needed is an absolute one"),
        (("{top}/old", "{top}/old"), "copy {top}/old: is the same directory as source {top}/old"),
        (("{top}/gone", "{top}/new"), "source {top}/gone: does not exist; needed is a directory"),
        (("{top}/old", "{top}/old/below"), "copy {top}/old/below: does not exist; needed is a directory"),
        (("", "{top}/new"), "source .: a relative path"),
        (("{top}/old", "{top}/new", "--exclude", "!"), "is not a pattern of .gitignore"),
        (("{top}/old", "{top}/new", "--database", "shop"), "database shop was given without a query"),
        (
            ("{top}/old", "{top}/new", "--query", "select 1", "--database", "x"),
            "has no database x; it has: shop",
        ),
    ],
)
def test_what_cannot_be_a_root_is_refused_with_what_is_seen_and_needed(top, typed, said):
    make_pair()
    words = [word.replace("{top}", str(top)) for word in typed]
    assert said.replace("{top}", str(top)) in refused("root", "add", "shop", *words)
    assert not FileRoot.objects.exists()


def test_all_that_is_wrong_is_said_at_once(top):
    make_pair()
    why = refused("root", "add", "shop", str(top / "a"), str(top / "b"), "--exclude", "!")
    assert (
        f"source {top}/a: does not exist" in why and f"copy {top}/b: does not exist" in why and "'!'" in why
    )


def test_a_name_that_is_not_text_is_refused_and_shown(top):
    make_pair()
    name = os.fsdecode(os.fsencode(top) + b"/\xff")
    Path(name).mkdir()
    assert refused("root", "add", "shop", name, str(top / "new")) == (
        f"source {top}/\\xff: is not in UTF-8; needed is a name in UTF-8"
    )
    assert "exclusions \\xff: is not in UTF-8" in refused(*add(top, "--exclude", os.fsdecode(b"\xff")))


def test_a_root_that_is_not_there_is_named_with_those_that_are():
    root = make_root(make_synchronizing_pair())
    for act in ("remove", "compare"):
        for number in ("2", "x", str(2**70)):
            assert refused("root", act, "shop", number) == (
                f"pair shop has no file root {number}; there are: 1"
            )
    assert refused("root", "list", "crm") == "there is no pair crm; there are: shop"
    root.delete()
    assert refused("root", "remove", "shop", "1") == "pair shop has no file root 1; there are: none"


def test_a_root_stays_while_a_role_swap_is_open():
    pair = make_synchronizing_pair()
    make_root(pair)
    SwapRequest.request(pair, make_people()["olga"])
    assert "cannot be removed while a role swap of pair shop is open" in refused(
        "root", "remove", "shop", "1"
    )


def test_the_list_shows_files_and_their_entries_are_acted_upon():
    root = make_root(make_synchronizing_pair())
    failed = owe(root, b"a\n\xff", "FAILED", failure="no room")
    ready = owe(root, b"b")
    assert mwa("list", "shop").splitlines() == [
        f"f{failed.pk}  IFS 1  FAILED  a\\n\\xff  no room", f"f{ready.pk}  IFS 1  READY  b",
    ]  # fmt: skip
    said = mwa("entry", "shop", f"f{failed.pk}", "omit", "--user", "olga")
    assert said == "a\\n\\xff: FAILED and OMITTED by olga\n"
    assert "needed is one that has failed, or cannot" in refused("entry", "shop", f"f{ready.pk}", "remove")
    for act in ("prioritize", "done"):
        assert f"'{act}' was asked of 'b'" in refused("entry", "shop", f"f{ready.pk}", act, "1")
    assert mwa("entry", "shop", f"f{failed.pk}", "remove").endswith(": removed\n")
    make_pair("crm")
    assert "pair crm has no entry" in refused("entry", "crm", f"f{ready.pk}", "omit")
    assert FileChange.objects.get() == ready


def test_the_status_tells_of_roots():
    pair = make_synchronizing_pair()
    assert json.loads(mwa("status", "shop"))["file_roots"] == []
    root = make_root(pair)
    owe(root, b"a", "FAILED")
    owe(root, b"b")
    carried(root, b"c")
    [told] = json.loads(mwa("status", "shop"))["file_roots"]
    assert (told["owed"], told["wait_for_somebody"], told["directories"]) == (2, 1, 340)
    assert (told["source"], told["state"], told["files_copied"]) == ("/srv/old", "ACTIVE", 12_000)


def test_a_start_waits_for_the_files_too_and_says_how_they_stand():
    set_state(make_root(make_synchronizing_pair()), "TRACKING", "SUSPENDED", 9100, "/srv/old is gone")
    why = refused("start", "shop", "--wait", "0.1")
    assert "IFS 1 TRACKING SUSPENDED A file root cannot be read or written to: /srv/old is gone" in why


def test_a_compare_that_cannot_begin_or_is_not_carried_out_says_so():
    root = make_root(make_synchronizing_pair())
    assert "not compared after 0.1 s" in refused(
        "root", "compare", "shop", "1", "--wait", "0.1", "--metadata"
    )
    assert FileCompare.objects.get().content is False
    assert "is being compared already" in refused("root", "compare", "shop", "1")
    FileCompare.objects.update(ended_at=timezone.now())
    set_state(root, "TRACKING", "SUSPENDED", 212)
    assert "a compare needs ACTIVE REPLICATING" in refused("root", "compare", "shop", "1")


def test_a_root_that_joins_is_copied_and_a_compare_prints_what_differs(engine, top):
    engine.database.source.execute("create table account (id int primary key)")
    engine.migrate()
    (top / "old" / "file").write_text("mine")
    mwa("root", "add", "moving", str(top / "old"), str(top / "new"))
    engine.until("the files in step", lambda: FileRoot.objects.get().replicating)
    assert (top / "new" / "file").read_text() == "mine"
    assert mwa("root", "compare", "moving", "1", "--wait", "60").startswith(f"{top}/old: EQUAL: 2 objects")
    made = (top / "new" / "file").stat()
    (top / "new" / "file").write_text("ours")
    os.utime(top / "new" / "file", ns=(made.st_atime_ns, made.st_mtime_ns))
    said = StringIO()
    with pytest.raises(CommandError, match="were not proved equal"):
        call_command("mwa", "root", "compare", "moving", "1", "--wait", "60", stdout=said)
    assert "DIFFERENT" in said.getvalue() and "    file: content, *STMF, blake3" in said.getvalue()
    mwa("root", "remove", "moving", "1")
    engine.until("an end of the loop", lambda: "file root" not in threads())
    (top / "old" / "file").write_text("later")
    assert engine.pair.phase == "SYNC"


def threads() -> str:
    return " ".join(thread.name for thread in threading.enumerate())


def test_a_root_is_removed_while_its_files_are_being_carried(transactional_db):
    root = make_root(make_synchronizing_pair())
    owe(root, b"file")
    removing = threading.Thread(target=_remove)
    with connect(portal_conninfo(), "files", autocommit=True) as session:
        files = FileList(session, root.pk)
        entries = files.take(10)
        with session.transaction():
            at = timezone.now()
            history.note(session, root.pk, [history.Migrated(b"file", "*STMF", at, at, 1)])
            files.done(entries)
            removing.start()
            wait_until(lambda: one(session, _WAITING), "the removal to wait", seconds=10)
        removing.join(20)
    assert not FileRoot.objects.exists() and not MigratedFile.objects.exists()


def _remove() -> None:
    try:
        mwa("root", "remove", "shop", "1")
    finally:
        connection.close()


_WAITING = "select exists (select from pg_catalog.pg_locks where not granted)"
