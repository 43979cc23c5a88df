"""Limits of the kernel: said beforehand, said when they are reached, and never silent."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tracking.ifs import inotify_watch, limits

TOP = Path(__file__).parents[1]
FEW = 40
# In a user namespace of its own, the limit is ours to set, and holds for nobody else.
ENTER = ["unshare", "--user", "--map-root-user", "sh", "-c"]
SET = "echo {} > /proc/sys/user/{} && exec \"$0\" \"$@\""  # fmt: skip
SCRIPT = """
import json, os, sys
from pathlib import Path
from tracking.ifs import inotify_watch
from tracking.ifs.inotify_watch import InotifyWatch
inotify_watch._RETRY_SECONDS = 0.0
root = Path(sys.argv[1])
watch = InotifyWatch(os.fsencode(root), lambda path, is_dir: False)
watch.start()
before = watch.directories(), len(watch.unwatched())
for number in range(30):
    (root / "0" / f"new{number}" / "inner").mkdir(parents=True)
events = [(event.kind.name, os.fsdecode(event.path), event.reason) for event in watch.drain()]
unwatched = {os.fsdecode(path): reason for path, reason in watch.unwatched().items()}
if sys.argv[2] == "raise":
    Path("/proc/sys/user/max_inotify_watches").write_text("1000")
    events += [(event.kind.name, os.fsdecode(event.path), event.reason) for event in watch.events(0, 0)]
print(json.dumps([before, events, unwatched, len(watch.unwatched()), watch.directories()]))
"""


def limited(root: Path, what: str, number: int, then: str = "") -> subprocess.CompletedProcess[str]:
    """Watch a root where the kernel's limit is `number`."""
    run = [sys.executable, "-c", SCRIPT, str(root), then]
    if subprocess.run([*ENTER, SET.format(number, what), "true"], capture_output=True).returncode:
        pytest.skip("no right to make a user namespace")
    return subprocess.run(
        [*ENTER, SET.format(number, what), *run], capture_output=True, text=True, cwd=TOP, check=False
    )


def test_too_few_watches_are_said_and_the_rest_is_to_be_walked(tmp_path):
    for number in range(10):
        (tmp_path / f"{number}" / "deep" / "deeper").mkdir(parents=True)
    done = limited(tmp_path, "max_inotify_watches", FEW)
    before, events, unwatched, _, _ = json.loads(done.stdout or done.stderr)
    assert before == [31, 0]
    assert 0 < len(unwatched) < 20
    assert all("fs.inotify.max_user_watches" in reason for reason in unwatched.values())
    walked = [path for kind, path, _ in events if kind in ("SUBTREE", "UNWATCHED")]
    for number in range(30):
        path = f"0/new{number}/inner"
        assert any(path == top or path.startswith(top + "/") for top in walked), path
    assert set(unwatched) <= {path for kind, path, _ in events if kind == "UNWATCHED"}


def test_what_could_not_be_watched_is_watched_and_walked_once_it_can_be(tmp_path):
    for number in range(10):
        (tmp_path / f"{number}" / "deep" / "deeper").mkdir(parents=True)
    done = limited(tmp_path, "max_inotify_watches", FEW, "raise")
    _, events, unwatched, left, directories = json.loads(done.stdout or done.stderr)
    assert left == 0
    assert directories == 31 + 60
    again = {path for kind, path, reason in events if kind == "SUBTREE" and "watched again" in reason}
    assert again == set(unwatched)


def test_the_root_cannot_be_watched_at_all(tmp_path):
    assert "fs.inotify.max_user_watches" in limited(tmp_path, "max_inotify_watches", 0).stderr
    assert "fs.inotify.max_user_instances" in limited(tmp_path, "max_inotify_instances", 0).stderr


def test_a_directory_that_may_not_be_read_is_said(tmp_path):
    if os.getuid() == 0:
        pytest.skip("everything may be read")
    (tmp_path / "closed").mkdir(mode=0)
    watch = inotify_watch.InotifyWatch(os.fsencode(tmp_path), lambda path, is_dir: False)
    assert [(event.path, event.reason) for event in watch.start()] == [(b"closed", "Permission denied")]
    watch.close()


def test_capacity_counts_directories_and_says_the_sysctl_to_set(tmp_path):
    for number in range(20):
        (tmp_path / f"{number}" / "excluded").mkdir(parents=True)
    root = os.fsencode(tmp_path)
    found = limits.capacity(root, lambda path, is_dir: path.endswith(b"excluded"), limit=1_000_000)
    assert found.status == "passed"
    assert "21 director" in found.needed
    assert found.remedy == ""
    found = limits.capacity(root, lambda path, is_dir: False, limit=30)
    assert found.status == "failed"
    assert "41 director" in found.needed
    assert "sysctl -w fs.inotify.max_user_watches=" in found.remedy


def test_capacity_counts_what_others_of_our_user_watch(tmp_path):
    (tmp_path / "inner").mkdir()
    before = limits.used()
    watch = inotify_watch.InotifyWatch(os.fsencode(tmp_path), lambda path, is_dir: False)
    watch.start()
    assert limits.used().watches >= before.watches + 2 - 1
    assert limits.used().instances >= 1
    watch.close()


def test_a_root_that_is_not_there_has_no_capacity(tmp_path):
    found = limits.capacity(os.fsencode(tmp_path / "nothing"))
    assert found.status == "failed"
    assert "No such file" in found.observed


def test_a_short_queue_is_a_warning():
    assert limits.queue(10_000).status == "warning"
    assert "sysctl -w fs.inotify.max_queued_events=" in limits.queue(10_000).remedy
    assert limits.queue(1_000_000).status == "passed"


def test_a_file_system_that_others_write_too_is_a_warning(tmp_path):
    assert limits.seen(os.fsencode(tmp_path)).status == "passed"
    assert limits.seen(os.fsencode(tmp_path), kind="nfs4").status == "warning"
