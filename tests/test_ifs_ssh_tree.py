"""Whole trees are carried to another host: the first copy, again after a cut, and what was lost is found."""

import os
import shutil
import socket
import subprocess
import threading
from pathlib import Path

import psutil
import pytest

from nodes.postgres.connect import wait_until
from tests.ssh_host import SshHost, need_ssh
from tests.test_ifs_tree import fill, inodes
from tests.test_ifs_walk import make_deep
from tests.trees import Tree, process, seen, write
from tracking.ifs.host import connected
from tracking.ifs.not_reached import NotReached
from tracking.ifs.outcome import CarryOptions
from tracking.ifs.remote_tree import carry_tree


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


def test_a_tree_is_carried_whole_and_again_costs_nothing(tree, connection):
    fill(tree)
    told = []
    done = carry_tree(tree.root, connection, progress=lambda objects, size: told.append((objects, size)))
    tree.assert_same()
    assert (done.failed, done.lacking, done.conflicts, done.complete) == ([], [], [], True)
    assert done.objects >= 1806 and told[-1] == (done.objects, done.bytes) and len(told) > 3
    before = inodes(tree.copy)
    again = carry_tree(tree.root, connection)
    assert again.bytes == 0 and inodes(tree.copy) == before
    tree.assert_same()


def test_what_was_lost_is_found_by_the_walk(tree, connection):
    fill(tree, 10, 20)
    carry_tree(tree.root, connection)
    write(tree.source, "0/0/file 0", b"changed")
    os.unlink(tree.source / "0/0/file 10")
    subprocess.run(["rm", "-r", tree.source / "1/1"], check=True)
    os.chmod(tree.source / "2/2/file 2", 0o611)
    os.setxattr(tree.source / "2/2/file 12", "user.mwa", b"new")
    os.rename(tree.source / "3/3", tree.source / "3/moved\n")
    write(tree.source, "4/new/deep/file")
    os.unlink(tree.source / "4/another name")
    shutil.copy2(tree.source / "1/empty", tree.source / "4/another name")
    done = carry_tree(tree.root, connection)
    tree.assert_same()
    assert done.failed == [] and sorted(done.conflicts) == [b"0/0/file 10", b"1/1", b"3/3"]


def test_a_part_of_a_tree_is_carried_by_itself(tree, connection):
    fill(tree, 5, 10)
    carry_tree(tree.root, connection)
    write(tree.source, "0/0/new")
    write(tree.source, "1/1/new")
    write(tree.copy, "0/0/theirs\n")
    done = carry_tree(tree.root, connection, path=b"0/0")
    assert done.conflicts == [b"0/0/theirs\n"]
    assert (tree.copy / "0/0/new").exists() and not (tree.copy / "1/1/new").exists()
    subprocess.run(["rm", "-r", tree.source / "1/1"], check=True)
    carry_tree(tree.root, connection, path=b"1/1")
    assert not (tree.copy / "1/1").exists()
    carry_tree(tree.root, connection)
    tree.assert_same()


def test_the_source_wins_and_nothing_outside_of_the_copy_is_touched(tree, connection, tmp_path):
    outside = tmp_path / "outside"
    for path in ("file 0", "theirs", "deep/theirs"):
        write(outside, path, b"not ours")
    fill(tree, 5, 10)
    carry_tree(tree.root, connection)
    write(tree.copy, "theirs/deep/file")
    os.unlink(tree.copy / "0/0/file 0")
    write(tree.copy, "0/0/file 0/in the way")
    shutil.rmtree(tree.copy / "1")
    os.symlink(outside, tree.copy / "1")
    os.symlink(outside, tree.copy / "2/outside")
    shutil.rmtree(tree.copy / "3/3")
    os.symlink(outside, tree.copy / "3/3")
    before = seen(outside)
    done = carry_tree(tree.root, connection)
    assert seen(outside) == before
    assert sorted(done.conflicts) == [b"2/outside", b"theirs"] and done.failed == []
    tree.assert_same()


def test_what_is_excluded_and_forbidden_stays_where_it_is(tmp_path, connection):
    tree = Tree(tmp_path, "*.log", "!kept.log", "build/")
    for path in ("a/x.log", "a/kept.log", "a/y", "pg/base/1", "build/1"):
        tree.write(path)
    for path in ("portal/db", "extra/x.log", "extra/y", "extra/z/1", "build/2", "whole/1", "lib/build"):
        write(tree.copy, path)
    done = carry_tree(
        tree.root, connection, [tree.source / "pg"], forbidden_there=[tree.copy / "portal"], durable=False
    )
    assert sorted(done.conflicts) == [b"extra", b"lib", b"whole"]
    assert sorted(os.listdir(tree.copy)) == ["a", "build", "extra", "portal"]
    assert sorted(os.listdir(tree.copy / "a")) == ["kept.log", "y"]
    assert os.listdir(tree.copy / "extra") == ["x.log"] and os.listdir(tree.copy / "build") == ["2"]
    tree.opened.close()


def test_the_ineligible_and_what_is_too_long_are_named_and_the_rest_arrives(tree, connection, monkeypatch):
    monkeypatch.chdir(tree.source)
    os.mknod("disk", 0o60600, os.makedev(7, 99))
    make_deep(tree.source, 21)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind("socket")
        write(tree.copy, "socket")
        done = carry_tree(tree.root, connection)
    types = {failed.path: failed.type for failed in done.failed if len(failed.path) < 100}
    assert types == {b"disk": "*BLKSF", b"socket": "*SOCKET"}
    long = [failed for failed in done.failed if len(failed.path) > 100]
    assert long and all("rsync takes at most" in failed.reason for failed in long)
    assert not os.path.lexists(tree.copy / "socket")
    assert len(seen(tree.copy)[0]) >= 19


def test_it_can_be_stopped_in_the_middle_of_a_file(tree, connection):
    tree.write("a")
    with open(tree.write("big"), "wb") as file:
        for _ in range(300):
            file.write(os.urandom(1 << 20))
    stop = threading.Event()
    done = []
    carrying = threading.Thread(target=lambda: done.append(carry_tree(tree.root, connection, stop=stop)))
    carrying.start()
    wait_until(lambda: any(n.startswith(".big.") for n in os.listdir(tree.copy)), "a transfer", seconds=10)
    stop.set()
    carrying.join(10)
    assert not done[0].complete and not (tree.copy / "big").exists()
    os.truncate(tree.source / "big", 1000)
    assert carry_tree(tree.root, connection).complete
    tree.assert_same()


def test_a_cut_in_the_middle_leaves_whole_files_and_the_next_call_completes(tree, far):
    fill(tree, 40, 30)
    want = seen(tree.source)[0]
    with connected(far.host()) as connection:
        raised = []

        def carry():
            with pytest.raises(NotReached) as error:
                carry_tree(tree.root, connection)
            raised.append(error.value.problem)

        carrying = threading.Thread(target=carry)
        carrying.start()
        wait_until(lambda: files_below(tree.copy) > 100, "files", seconds=10, every=0.001)
        far.cut()
        carrying.join()
        assert raised == ["unreachable"]
        wait_until(
            lambda: not [one for one in far.sessions() if "rsync" in one.name()], "rsync to end", seconds=10
        )
        for path, known in seen(tree.copy)[0].items():
            if known[5] is not None:
                assert known[5] == want[path][5], path  # whole, or not there
        assert carry_tree(tree.root, connection).failed == []
    tree.assert_same()


def files_below(top):
    return sum(len(files) for _, _, files in os.walk(top))


def test_a_killed_process_of_ours_leaves_no_writer_and_no_key(tree, far, tmp_path):
    fill(tree, 40, 30)
    (tmp_path / "key").write_text(far.key)
    code = """
        import sys
        from pathlib import Path
        from tracking.ifs.host import Host, connected
        from tracking.ifs.remote_tree import carry_tree
        from tracking.ifs.roots import Root
        source, copy, port, key, pinned = sys.argv[1:]
        host = Host("127.0.0.1", int(port), "root", Path(key).read_text(), pinned)
        with connected(host) as connection:
            print(connection.command[-2], flush=True)
            carry_tree(Root(Path(source), Path(copy)), connection)
    """
    running = process(code, tree.source, tree.copy, far.port, tmp_path / "key", far.host_key)
    config = running.stdout.readline().strip()
    wait_until(lambda: files_below(tree.copy) > 100, "files", seconds=10, every=0.001)
    ours = [one for one in psutil.Process(running.pid).children(recursive=True) if one.name() == "rsync"]
    running.kill()
    running.wait()
    assert psutil.wait_procs(ours, timeout=5)[1] == []
    wait_until(
        lambda: not [one for one in far.sessions() if "rsync" in one.name()], "rsync to end", seconds=10
    )
    left = Path(config).parent
    kept = [path.read_bytes() for path in left.iterdir() if path.is_file()]
    assert kept and not any(b"PRIVATE KEY" in content for content in kept)
    subprocess.run(["ssh", "-F", config, "-O", "exit", "mwa-copy"], capture_output=True)
    shutil.rmtree(left)
    with connected(far.host()) as connection:
        assert carry_tree(tree.root, connection).failed == []
    tree.assert_same()


def test_writers_go_on_meanwhile(tree, connection):
    fill(tree, 10, 30)
    stop = threading.Event()

    def write_on():
        number = 0
        while not stop.wait(0.001):
            number += 1
            write(tree.source, f"{number % 5}/live {number % 50}", os.urandom(5000))
            if number % 3 == 0:
                os.rename(
                    tree.source / f"{number % 5}/live {number % 50}", tree.source / f"{number % 5}/renamed"
                )
            if number % 7 == 0:
                write(tree.source, f"{number % 5}/come/and/go/{number}")
                shutil.rmtree(tree.source / f"{number % 5}/come")

    writer = threading.Thread(target=write_on)
    writer.start()
    try:
        done = carry_tree(tree.root, connection, options=CarryOptions(wait_seconds=3, trust_times=True))
    finally:
        stop.set()
        writer.join()
    assert [failed for failed in done.failed if not failed.retryable] == []
    assert carry_tree(tree.root, connection, options=CarryOptions()).failed == []
    tree.assert_same()
