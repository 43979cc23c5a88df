"""Paths are carried to another host: by a real sshd and the real rsync, whatever stands in the way."""

import os
import random
import shutil
import socket
import stat
import subprocess
import threading
from contextlib import contextmanager

import pytest

from nodes.postgres.connect import wait_until
from tests.ssh_host import SshHost, need_ssh
from tests.trees import NOBODY, Tree, need_acl, open_upwards, seen, small_file_system, write
from tracking.ifs.host import connected
from tracking.ifs.links import Links
from tracking.ifs.not_reached import NotReached
from tracking.ifs.outcome import Carried, CarryOptions, Failed
from tracking.ifs.remote_carry import carry_paths
from tracking.ifs.sending import Sending
from tracking.ifs.watching import RootGone

SOON = CarryOptions(wait_seconds=3, sync="later")


@pytest.fixture(scope="module")
def far():
    need_ssh()
    made = SshHost()
    yield made
    made.close()


@pytest.fixture(scope="module")
def connection(far):
    with connected(far.host()) as made:
        yield made


@pytest.fixture
def tree(tmp_path):
    made = Tree(tmp_path)
    yield made
    made.opened.close()


def paths_of(top):
    return [path for path in seen(top)[0] if path != b"."]


def whats(outcomes):
    return {
        outcome.path: outcome.what if isinstance(outcome, Carried) else outcome.reason for outcome in outcomes
    }


def carry_all(tree, connection, options=SOON, **more):
    """Every path that the source has, and the root."""
    outcomes = carry_paths(tree.root, connection, [b"", *paths_of(tree.source)], options, **more)
    assert [outcome for outcome in outcomes if isinstance(outcome, Failed)] == []
    return outcomes


def test_every_name_and_type_arrives_with_all_that_belongs_to_it(tree, connection):
    names = [
        b"a\nb", b"\xff\xfe", b"back\\#012slash", b" spaces ", b"-n", b"x => y", b"'\"$`*?[!", b"\xc3\xa4",
    ]  # fmt: skip
    for number, name in enumerate(names):
        whole = write(tree.source, b"d\n/" + name, name)
        os.utime(whole, ns=(number, 10**18 + number))
    os.chmod(tree.source / "d\n/ spaces ", 0o6751)
    os.chown(tree.source / "d\n/-n", NOBODY, 12345)
    os.symlink(b"/etc/\xffpasswd", os.fsencode(tree.source) + b"/d\n/link\n")
    os.mkfifo(tree.source / "pipe", 0o611)
    os.mknod(tree.source / "null", stat.S_IFCHR | 0o640, os.makedev(1, 3))
    os.mkdir(tree.source / "empty", 0o1711)
    os.setxattr(tree.source / "empty", "user.mwa", b"\0value")
    os.setxattr(tree.source / "d\n/-n", "trusted.mwa", b"value")
    os.utime(tree.source / "d\n", ns=(3, 5))
    outcomes = carry_all(tree, connection)
    tree.assert_same()
    assert {outcome.what for outcome in outcomes if outcome.path} == {"created"}
    again = carry_all(tree, connection)
    assert {outcome.what for outcome in again} == {"same"} and len(again) == len(names) + 6


def test_an_acl_arrives_and_goes(tree, connection):
    path = tree.write("d/file")
    need_acl(path)
    os.setxattr(path, "user.gone", b"1")
    carry_all(tree, connection)
    tree.assert_same()
    os.removexattr(path, "system.posix_acl_access")
    os.removexattr(path, "user.gone")
    assert carry_all(tree, connection)[-1].what == "metadata"
    tree.assert_same()


def test_what_a_host_gives_to_its_files_itself_stays(tree, connection):
    tree.write("file")
    carry_all(tree, connection)
    os.setxattr(tree.copy / "file", "security.mwa_label", b"its own")
    os.setxattr(tree.source / "file", "security.mwa_other", b"ours")
    os.chmod(tree.source / "file", 0o600)
    carry_all(tree, connection)
    assert os.listxattr(tree.copy / "file") == ["security.mwa_label"]


def test_names_of_one_file_are_one_file_on_the_copy(tree, connection):
    tree.write("a/one")
    os.link(tree.source / "a/one", tree.source / "two")
    carry_all(tree, connection)
    tree.assert_same()
    links = Links()
    carry_paths(tree.root, connection, ["a/one"], SOON, links=links)
    os.link(tree.source / "a/one", tree.source / "three")
    [outcome] = carry_paths(tree.root, connection, ["three"], SOON, links=links)
    assert outcome.what == "linked"
    tree.assert_same()
    os.unlink(tree.source / "two")
    shutil.copy2(
        tree.source / "three", tree.source / "two"
    )  # the same content and time, and a file by itself
    os.chmod(tree.source / "two", 0o600)
    carry_paths(tree.root, connection, ["two"], SOON, links=links)
    carry_all(tree, connection)
    tree.assert_same()


def test_a_sparse_file_stays_sparse(tree, connection):
    with open(tree.write("sparse"), "r+b") as file:
        file.truncate(64 << 20)
        file.seek(32 << 20)
        file.write(b"middle")
    carry_all(tree, connection)
    tree.assert_same()
    assert os.stat(tree.copy / "sparse").st_blocks * 512 < 1 << 20


def test_a_change_that_size_and_second_do_not_show_arrives(tree, connection):
    path = tree.write("file", b"before")
    os.utime(path, ns=(0, 10**18))
    carry_all(tree, connection)
    tree.write("file", b"behind")
    os.utime(path, ns=(0, 10**18))
    [outcome] = carry_paths(tree.root, connection, ["file"], SOON)
    assert outcome.what == "content" and outcome.bytes == 6
    tree.assert_same()
    tree.write("file", b"before")
    os.utime(path, ns=(0, 10**18 + 1))
    carry_paths(tree.root, connection, ["file"], CarryOptions(trust_times=True, sync="later"))
    tree.assert_same()


def test_what_is_gone_goes_and_what_became_something_else_does(tree, connection):
    for path in ("dir/deep/1", "dir/2", "file", "other/3", "over/4/5", "stays"):
        tree.write(path)
    carry_all(tree, connection)
    shutil.rmtree(tree.source / "dir")
    os.unlink(tree.source / "file")
    os.mkdir(tree.source / "file")
    shutil.rmtree(tree.source / "other")
    tree.write("other", b"a file now")
    shutil.rmtree(tree.source / "over")
    os.symlink("/etc", tree.source / "over")
    outcomes = carry_paths(
        tree.root, connection, ["dir", "file", "other/3", "other", "over/4/5", "never", "stays"], SOON
    )
    assert whats(outcomes) == {
        b"dir": "removed", b"file": "created", b"other/3": "removed", b"other": "created",
        b"over/4/5": "removed", b"never": "same", b"stays": "same",
    }  # fmt: skip
    carry_all(tree, connection)
    tree.assert_same()


def test_nothing_is_written_through_a_link_that_stands_for_a_directory(
    tree, connection, tmp_path, monkeypatch
):
    outside = tmp_path / "outside"
    for path in ("f", "gone", "deep/f", "deep/gone/x"):
        write(outside, path, b"not ours")
    before = seen(outside)
    for path in ("a/f", "a/deep/f", "b/f", "e/deep/f"):
        tree.write(path)
    for name in "abcde":
        os.symlink(outside, tree.copy / name)
    outcomes = carry_paths(
        tree.root, connection,
        ["a/f", "a/gone", "a/deep/f", "a/deep/gone/x", "b/gone", "c/gone", "c/deep/f", "d", "e/deep/f"], SOON,
    )  # fmt: skip
    assert seen(outside) == before
    assert all(isinstance(outcome, Carried) for outcome in outcomes)
    assert (tree.copy / "a").is_dir() and not (tree.copy / "a").is_symlink()
    assert not os.path.lexists(tree.copy / "c") and not os.path.lexists(tree.copy / "d")
    with socket.socket(socket.AF_UNIX) as listener:
        monkeypatch.chdir(tree.source / "b")
        listener.bind("socket")
    os.symlink("/etc", tree.source / "new")
    write(outside, "socket", b"not ours")
    shutil.rmtree(tree.copy / "b")
    os.symlink(outside, tree.copy / "b")
    carry_paths(tree.root, connection, ["b/socket", "new", "new/passwd"], SOON)
    assert (outside / "socket").exists() and os.readlink(tree.copy / "new") == "/etc"


def test_what_is_left_out_stays_where_it_is(tmp_path, connection):
    tree = Tree(tmp_path, "*.log", "cache/")
    for path in ("a/x.log", "a/y", "gone/1/2", "gone/3", "cache/1", "file/1", "whole/1"):
        tree.write(path)
    outcomes = carry_paths(tree.root, connection, paths_of(tree.source), SOON)
    assert {outcome.path for outcome in outcomes if outcome.what == "excluded"} == {
        b"a/x.log",
        b"cache",
        b"cache/1",
    }
    assert sorted(os.listdir(tree.copy)) == ["a", "file", "gone", "whole"] and os.listdir(
        tree.copy / "a"
    ) == ["y"]
    for path in ("gone/1/kept.log", "file/kept.log", "cache/theirs", "a/theirs.log"):
        write(tree.copy, path)
    for name in ("gone", "file", "cache", "whole"):
        shutil.rmtree(tree.source / name)
    tree.write("file", b"a file now")
    os.unlink(tree.source / "a/x.log")
    outcomes = carry_paths(tree.root, connection, ["gone", "file", "cache", "a/theirs.log", "whole"], SOON)
    said = whats(outcomes)
    assert (said[b"gone"], said[b"cache"], said[b"a/theirs.log"]) == ("removed", "excluded", "excluded")
    assert said[b"whole"] == "removed" and not (tree.copy / "whole").exists()
    assert outcomes[0].lacking == ("what is left out of the root is in it, and stays",)
    assert "left out of the root" in said[b"file"]
    assert sorted(seen(tree.copy / "gone")[0]) == [b".", b"1", b"1/kept.log"]
    assert (tree.copy / "file/kept.log").exists() and (tree.copy / "cache/theirs").exists()
    tree.opened.close()


def test_the_ineligible_are_named_and_what_the_copy_had_there_goes(tree, connection, monkeypatch):
    monkeypatch.chdir(tree.source)
    os.mknod("disk", 0o60600, os.makedev(7, 99))
    write(tree.copy, "socket/inside")
    write(tree.copy, "disk")
    tree.write("file")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind("socket")
        outcomes = carry_paths(tree.root, connection, ["socket", "file", "disk"], SOON)
    assert [(outcome.type, isinstance(outcome, Failed)) for outcome in outcomes] == [
        ("*SOCKET", True), ("*STMF", False), ("*BLKSF", True),
    ]  # fmt: skip
    assert "a socket belongs to its process" in outcomes[0].reason and not outcomes[0].retryable
    assert os.listdir(tree.copy) == ["file"]


def test_one_failure_spoils_no_other(tree, connection):
    """The copy's directory may not be changed by anybody, root included."""
    for path in ("shut/1", "shut/2/3", "open/4", "z"):
        tree.write(path)
    os.mkdir(tree.copy / "shut")
    with immutable(tree.copy / "shut"):
        outcomes = carry_paths(tree.root, connection, ["open/4", "shut/1", "shut/2/3", "z"], SOON)
    said = whats(outcomes)
    assert said[b"open/4"] == said[b"z"] == "created"
    assert "permission denied on the copy: user root" in said[b"shut/1"] and "shut/2/3" in said[b"shut/2/3"]
    assert carry_all(tree, connection)
    tree.assert_same()


@contextmanager
def immutable(path):
    """Nobody may change the directory; skips where that is not possible."""
    if (
        shutil.which("chattr") is None
        or subprocess.run(["chattr", "+i", path], capture_output=True).returncode
    ):
        pytest.skip("the file system has no immutable directories")
    try:
        yield
    finally:
        subprocess.run(["chattr", "-i", path], check=True)


def test_a_full_disk_is_said_and_what_fits_arrives(tree, connection):
    with small_file_system(tree.copy / "small", "2m"):
        tree.write("small/big", os.urandom(5 << 20))
        for number in range(5):
            tree.write(f"small/{number}", os.urandom(1000))
        names = ["small/big", *(f"small/{number}" for number in range(5))]
        outcomes = carry_paths(tree.root, connection, names, SOON)
        assert isinstance(outcomes[0], Failed) and outcomes[0].retryable
        assert "no space on the copy" in outcomes[0].reason
        assert [outcome.what for outcome in outcomes[1:]] == ["created"] * 5
        assert sorted(os.listdir(tree.copy / "small")) == ["0", "1", "2", "3", "4"]


def test_a_file_that_never_stops_changing_is_said_and_the_others_arrive(tree, connection):
    tree.write("live", b"x" * 100_000)
    tree.write("quiet")
    stop = threading.Event()

    def write_on():
        with open(tree.source / "live", "r+b") as file:
            while not stop.wait(0.002):
                file.seek(random.randrange(100_000))
                file.write(b"y")
                file.flush()

    writer = threading.Thread(target=write_on)
    writer.start()
    try:
        options = CarryOptions(wait_seconds=1, sync="later")
        live, quiet = carry_paths(tree.root, connection, ["live", "quiet"], options)
    finally:
        stop.set()
        writer.join()
    assert isinstance(live, Failed) and live.retryable and "never stopped changing" in live.reason
    assert quiet.what == "created"
    assert carry_paths(tree.root, connection, ["live"], SOON)[0].what in ("content", "metadata", "same")
    tree.assert_same()


def test_a_file_that_changes_while_it_is_read_is_carried_again(tree, far, connection):
    tree.write("file", os.urandom(30 << 20))
    found = []
    carrying = threading.Thread(
        target=lambda: found.extend(carry_paths(tree.root, connection, ["file"], SOON))
    )
    carrying.start()
    wait_until(
        lambda: any(name.startswith(".file.") for name in os.listdir(tree.copy)), "a transfer", seconds=10
    )
    with open(tree.source / "file", "r+b") as file:
        file.write(b"changed")
    carrying.join()
    assert isinstance(found[0], Carried)
    tree.assert_same()


def test_a_cut_connection_leaves_nothing_half_and_the_next_call_does_the_rest(tree, far):
    for number in range(40):
        tree.write(f"d/{number}", os.urandom(1 << 20))
    tree.write("d/0", b"old")
    with connected(far.host()) as connection:
        carry_paths(tree.root, connection, ["d/0"], SOON)
        tree.write("d/0", os.urandom(1 << 20))
        want = seen(tree.source)[0]
        raised = []

        def carry():
            try:
                carry_paths(tree.root, connection, paths_of(tree.source), SOON)
            except NotReached as error:
                raised.append(error)

        carrying = threading.Thread(target=carry)
        carrying.start()
        wait_until(lambda: len(os.listdir(tree.copy / "d")) > 5, "a transfer", seconds=10, every=0.001)
        assert far.cut()
        carrying.join()
        assert [error.problem for error in raised] == ["unreachable"]
        wait_until(lambda: not rsyncs(far), "rsync there to end", seconds=10)
        there = seen(tree.copy)[0]
        assert 1 < len(there) < len(want)
        old = there.pop(b"d/0")
        assert old[5] == want[b"d/0"][5] or old[3] < want[b"d/0"][3]
        for path, known in there.items():
            assert known[5] is None or (path in want and known[5] == want[path][5]), path
        carry_all(tree, connection)  # by the same connection, made anew
    tree.assert_same()


def rsyncs(far):
    return [process for process in far.sessions() if "rsync" in process.name()]


def test_a_root_that_is_not_there_any_more_is_not_made_anew(tree, connection):
    tree.write("file")
    with Sending(tree.root, connection) as sending:
        known = sending.identities()
    carry_paths(tree.root, connection, ["file"], SOON, known=known)
    os.rename(tree.copy, f"{tree.copy}.unmounted")
    with pytest.raises(RootGone, match=r"copy on 127\.0\.0\.1: .*needed is a directory"):
        carry_paths(tree.root, connection, ["file"], SOON)
    assert not tree.copy.exists()
    tree.copy.mkdir()
    with pytest.raises(RootGone, match="another directory than when tracking began"):
        carry_paths(tree.root, connection, ["file"], SOON, known=known)
    assert os.listdir(tree.copy) == []
    os.rmdir(tree.copy)
    os.rename(f"{tree.copy}.unmounted", tree.copy)


def test_who_may_not_give_files_away_says_so(tree, tmp_path):
    need_ssh()
    script = 'exec setpriv --reuid=65534 --regid=65534 --clear-groups sh -c "$SSH_ORIGINAL_COMMAND"'
    far = SshHost(f"ForceCommand {script}")
    try:
        open_upwards(tree.copy)
        tree.write("ours")
        os.chmod(tree.source / "ours", 0o4755)
        tree.write("theirs")
        os.chown(tree.source / "theirs", NOBODY, NOBODY)
        with connected(far.host()) as connection:
            ours, theirs = carry_paths(tree.root, connection, ["ours", "theirs"], SOON)
        assert ours.lacking[-1] == "owner 0: uid 65534 on the copy may not give files away"
        assert theirs.lacking == ()
        assert stat.S_IMODE(os.stat(tree.copy / "ours").st_mode) == 0o755  # nobody's rights are lent
    finally:
        far.close()
