"""The host of the copy: who it is, whether it can be worked with, and what is said where it cannot."""

import os
import socket
import subprocess
import threading
from pathlib import Path

import pytest

from nodes.postgres.connect import wait_until
from tests.ssh_host import SshHost, free_port, need_ssh
from tests.trees import small_file_system
from tracking.ifs.host import connected
from tracking.ifs.host_key import fingerprint, scan_host_key
from tracking.ifs.not_reached import NotReached
from tracking.ifs.remote_check import check


@pytest.fixture
def far():
    need_ssh()
    made = SshHost()
    yield made
    made.close()


def test_a_good_host_passes_and_nothing_is_left_on_it(far, tmp_path):
    found = check(far.host(), tmp_path)
    assert found.status == "passed" and "on 127.0.0.1, user root (uid 0)" in found.observed
    assert os.listdir(tmp_path) == []


def test_later_commands_share_a_connection(far):
    with connected(far.host()) as connection:
        for number in range(5):
            assert connection.run('printf %s "$1"', f"it's \n{number}\udcff") == os.fsencode(
                f"it's \n{number}\udcff"
            )
        assert (far.top / "log").read_text().count("Accepted publickey") == 1
        directory = Path(connection.command[-2]).parent
        assert directory.stat().st_mode & 0o777 == 0o700
    assert not directory.exists()
    wait_until(lambda: not far.sessions(), "the connection to end", seconds=5)


def test_a_connection_that_was_cut_is_made_anew(far):
    with connected(far.host()) as connection:
        connection.run("true")
        far.cut()
        wait_until(lambda: worked(connection), "another connection", seconds=5)


def worked(connection):
    try:
        connection.run("true")
        return True
    except NotReached:
        return False


def test_an_unreachable_host_is_said(far, tmp_path):
    port = free_port()
    found = check(far.host(port=port), tmp_path)
    assert found.status == "failed" and f"127.0.0.1 port {port} cannot be reached" in found.observed
    assert "Connection refused" in found.observed and "firewall" in found.remedy
    found = check(far.host(host="no.such.host.invalid"), tmp_path)
    assert "no.such.host.invalid port" in found.observed and "resolve" in found.observed


def test_a_host_that_does_not_answer_is_given_up_in_time(far, tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        found = check(far.host(port=silent.getsockname()[1], connect_seconds=1), tmp_path)
    assert "timed out" in found.observed


def test_another_host_key_is_said_with_both_fingerprints(far, tmp_path):
    host = far.host()
    old = fingerprint(far.host_key)
    far.stop()
    far.make_key("host")
    far.start()
    found = check(host, tmp_path)
    assert found.status == "failed" and old in found.observed and fingerprint(far.host_key) in found.observed
    assert "somebody may be in between, or the host was installed anew" in found.observed
    with connected(host) as connection, pytest.raises(NotReached) as error:
        connection.run("true")
    assert error.value.problem == "host key"
    assert check(far.host(), tmp_path).status == "passed"


def test_a_refused_key_is_said(far, tmp_path):
    found = check(far.host(private_key=far.other_key), tmp_path)
    assert found.status == "failed" and "refuses the key of this node for user root" in found.observed
    found = check(far.host(private_key="no key"), tmp_path)
    assert found.status == "failed" and "key" in found.observed


def test_a_host_without_rsync_is_said(far, tmp_path):
    found = check(far.host(rsync="/opt/no/rsync"), tmp_path)
    assert found.status == "failed" and "no /opt/no/rsync there" in found.observed
    old = tmp_path / "rsync"
    old.write_text("#!/bin/sh\necho 'rsync  version 3.0.9  protocol version 30'\n")
    old.chmod(0o755)
    found = check(far.host(rsync=str(old)), tmp_path)
    assert found.status == "failed" and "3.0.9 on 127.0.0.1" in found.observed
    assert found.needed == "rsync 3.1.3 on both"


def test_an_rsync_that_cannot_remove_names_is_found_before_anything_is_carried(far, tmp_path):
    """As that of Debian 12.14 did: https://github.com/RsyncProject/rsync/issues/910"""
    program = tmp_path / "rsync"
    program.write_text(
        '#!/bin/sh\n[ "$1" = --version ] && exec rsync --version\n'
        "echo 'invalid file mode 00 for gone [Receiver]' >&2\nexit 2\n"
    )
    program.chmod(0o755)
    found = check(far.host(rsync=str(program)), tmp_path)
    assert found.status == "failed" and "cannot remove names" in found.observed


def test_a_copy_that_cannot_be_written_is_said(far, tmp_path):
    found = check(far.host(), tmp_path / "nowhere")
    assert found.status == "failed" and "nowhere on 127.0.0.1" in found.observed
    (tmp_path / "file").write_text("")
    assert check(far.host(), tmp_path / "file").status == "failed"
    with small_file_system(tmp_path / "small", "64k") as small:
        subprocess.run(["mount", "-o", "remount,ro", small], check=True)
        found = check(far.host(), small)
    assert found.status == "failed" and "Read-only file system" in found.observed


def test_a_user_who_is_not_root_is_a_warning(tmp_path):
    need_ssh()
    script = 'exec setpriv --reuid=65534 --regid=65534 --clear-groups sh -c "$SSH_ORIGINAL_COMMAND"'
    far = SshHost(f"ForceCommand {script}")
    try:
        for parent in (tmp_path, *tmp_path.parents[:2]):
            parent.chmod(0o777)
        found = check(far.host(), tmp_path)
    finally:
        far.close()
    assert found.status == "warning" and "uid 65534" in found.observed


def test_the_host_key_is_scanned_for_people_to_confirm(far):
    key = scan_host_key("127.0.0.1", far.port)
    assert fingerprint(key) == fingerprint(far.host_key)
    said = subprocess.run(["ssh-keygen", "-l", "-f", far.top / "host.pub"], capture_output=True, text=True)
    assert fingerprint(key) in said.stdout
    port = free_port()
    with pytest.raises(NotReached, match=f"127.0.0.1 port {port}: "):
        scan_host_key("127.0.0.1", port)


def test_what_could_be_an_option_or_is_no_key_is_refused(far):
    for wrong in (
        {"host": "-oProxyCommand=x"}, {"user": "a b"}, {"host": "a\nProxyCommand x"}, {"port": 0},
        {"host_key": ""}, {"host_key": "host ssh-ed25519 nonsense"}, {"rsync": "rsync; rm"},
    ):  # fmt: skip
        with pytest.raises(ValueError, match="needed"):
            far.host(**wrong)
    assert "PRIVATE" not in repr(far.host())


def test_several_threads_share_a_connection(far):
    answers = []
    with connected(far.host()) as connection:
        threads = [
            threading.Thread(target=lambda number=number: answers.append(connection.run(f"echo {number}")))
            for number in range(8)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert sorted(int(answer) for answer in answers) == list(range(8))
