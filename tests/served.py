"""A real portal in a process of its own, with a state directory of its own."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import urllib.request
from pathlib import Path
from urllib.error import URLError

import psutil

from mwaportal import portaldb
from nodes.postgres.connect import Connection, connect, wait_until

TOP = Path(__file__).resolve().parents[1]


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Served:
    """`manage.py serve`, which can be started, stopped and killed."""

    def __init__(self) -> None:
        self.home = Path(tempfile.mkdtemp(prefix="mwa-serve-"))
        self.port = free_port()
        self.process: subprocess.Popen[str] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def command(self, *words: str, **environment: str) -> subprocess.Popen[str]:
        """Any command of manage.py with this state directory."""
        given = {
            "MWA_HOME": str(self.home), "DJANGO_SETTINGS_MODULE": "mwaportal.settings",
            "PYTHONFAULTHANDLER": "1",
        }  # fmt: skip
        return subprocess.Popen(
            [sys.executable, "manage.py", *words], env={**os.environ, **given, **environment},
            cwd=TOP, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            preexec_fn=_hear_interrupts,
        )  # fmt: skip

    def run(self, *words: str, **environment: str) -> str:
        """A command that ends by itself; returns what it printed."""
        output, _ = self.command(*words, **environment).communicate(timeout=60)
        return output

    def start(self, *options: str, **environment: str) -> None:
        """Serve, and wait until a page answers."""
        self.process = self.command("serve", "--port", str(self.port), *options, **environment)
        wait_until(self.answers, f"an answer from {self.url}", seconds=40, every=0.1)

    def answers(self) -> bool:
        """Whether a page answers; fails at once when the portal has ended."""
        if self.process and self.process.poll() is not None:
            raise AssertionError(f"the portal has ended: {self.process.stdout.read()}")
        try:
            with urllib.request.urlopen(f"{self.url}/login/", timeout=2) as answer:
                return answer.status == 200
        except (URLError, OSError):
            return False

    def stop(self, number: int = signal.SIGTERM) -> tuple[int, str]:
        """End it with a signal; returns its exit code and everything it printed."""
        self.process.send_signal(number)
        try:
            output, _ = self.process.communicate(timeout=40)
        except subprocess.TimeoutExpired as error:
            self.process.send_signal(signal.SIGABRT)  # with PYTHONFAULTHANDLER it says where each thread is
            output, _ = self.process.communicate(timeout=10)
            raise AssertionError(f"the portal did not end within 40 s: {output}") from error
        return self.process.returncode, output

    def database(self) -> Connection:
        """A session on the portal's database."""
        conninfo = portaldb.embedded_conninfo(portaldb.embedded(self.home))
        return connect(conninfo, "test", search_path="public")

    def processes(self) -> list[str]:
        """Whatever still runs for this state directory."""
        found = []
        for process in psutil.process_iter(["cmdline"]):
            line = " ".join(process.info["cmdline"] or ())
            if str(self.home) in line or str(self.port) in line.split():
                found.append(line)
        return found

    def remove(self) -> None:
        """Leave nothing behind, whatever the test has done."""
        if self.process and self.process.poll() is None:
            self.process.kill()
            self.process.communicate()
        portaldb.embedded(self.home).remove()
        shutil.rmtree(self.home, ignore_errors=True)


def _hear_interrupts() -> None:
    """What a shell starts in the background ignores SIGINT, and so would everything that a test starts."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
