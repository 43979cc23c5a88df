"""A real sshd on a free port of this machine, with keys of its own: the host of the copy for tests."""

import contextlib
import os
import shutil
import socket
import subprocess
import tempfile
from pathlib import Path

import psutil
import pytest

from nodes.postgres.connect import wait_until
from tracking.ifs.host import Host

SSHD = shutil.which("sshd", path=os.environ.get("PATH", "") + ":/usr/sbin:/usr/local/sbin")


def need_ssh():
    """Skip, with the reason, where there is no host to be made."""
    for program, found in (("sshd", SSHD), ("rsync", shutil.which("rsync")), ("ssh", shutil.which("ssh"))):
        if not found:
            pytest.skip(f"{program} is not installed")
    if os.geteuid() != 0:
        pytest.skip("needs root's rights: an sshd of somebody else keeps no owners")


class SshHost:
    """An sshd that lets one key in, as the user we are."""

    def __init__(self, *settings):
        self.top = Path(tempfile.mkdtemp(prefix="mwa-sshd-"))
        (self.top / "home").mkdir()
        self.key, self.other_key = self.make_key("login"), self.make_key("other")
        self.make_key("host")
        self.port = free_port()
        self.settings = settings
        self.process = None
        self.start()

    def make_key(self, name):
        """A new key without a passphrase; returns its private half."""
        path = self.top / name
        for old in (path, path.with_suffix(".pub")):
            old.unlink(missing_ok=True)
        command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", name, "-f", path]
        subprocess.run(command, check=True, stdin=subprocess.DEVNULL)
        return path.read_text()

    def start(self):
        """Run it, until it answers."""
        lines = [
            f"Port {self.port}", "ListenAddress 127.0.0.1", f"HostKey {self.top}/host",
            f"AuthorizedKeysFile {self.top}/login.pub", "StrictModes no", "UsePAM no",
            "PasswordAuthentication no", "KbdInteractiveAuthentication no", f"PidFile {self.top}/pid",
            f"SetEnv HOME={self.top}/home", "PermitRootLogin yes", "LogLevel VERBOSE", *self.settings,
        ]  # fmt: skip
        (self.top / "sshd_config").write_text("\n".join(lines) + "\n")
        Path("/run/sshd").mkdir(exist_ok=True)
        self.process = subprocess.Popen(
            [SSHD, "-D", "-f", self.top / "sshd_config", "-E", self.top / "log"], stdin=subprocess.DEVNULL
        )
        wait_until(self.answers, "sshd to answer", seconds=10)

    def answers(self):
        """Whether somebody listens."""
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1):
            return True
        return False

    @property
    def host_key(self):
        """Its public key, as in known_hosts."""
        kind, key, _ = (self.top / "host.pub").read_text().split(" ", 2)
        return f"[127.0.0.1]:{self.port} {kind} {key}"

    def host(self, **other):
        """How the product is told of it."""
        known = {
            "host": "127.0.0.1", "port": self.port, "user": "root", "private_key": self.key,
            "host_key": self.host_key, "connect_seconds": 5,
        }  # fmt: skip
        return Host(**(known | other))

    def sessions(self):
        """Its processes for connections, and what they run."""
        with contextlib.suppress(psutil.NoSuchProcess):
            return psutil.Process(self.process.pid).children(recursive=True)
        return []

    def cut(self):
        """End all connections in the middle of whatever they do; it goes on to answer new ones."""
        children = psutil.Process(self.process.pid).children()
        for child in children:
            with contextlib.suppress(psutil.NoSuchProcess):
                child.kill()
        return len(children)

    def stop(self):
        """End it, and its connections."""
        sessions = self.sessions()
        self.process.terminate()
        self.process.wait()
        for session in sessions:
            with contextlib.suppress(psutil.NoSuchProcess):
                session.terminate()
        psutil.wait_procs(sessions, timeout=5)

    def close(self):
        """End it, and remove what it has made."""
        if self.process.poll() is None:
            self.stop()
        shutil.rmtree(self.top, ignore_errors=True)


def free_port():
    """A port that nobody has."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]
