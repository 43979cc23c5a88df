"""The commands as people run them, each a process of its own on a small shop."""

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import urllib.request
from pathlib import Path

import psutil
import pytest

from mwaportal.system.fresh import fresh
from nodes.postgres.connect import wait_until

TOP = Path(__file__).parents[1]


@pytest.fixture
def home():
    """A state directory whose servers are gone in the end, whatever happened.

    Not one of pytest's: the next run of pytest closes the directory above to the servers' user.
    """
    path = Path(tempfile.mkdtemp(prefix="mwa-home-"))
    path.chmod(0o755)
    yield path
    fresh(path)


def free_port() -> int:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        return listening.getsockname()[1]


def command(home: Path, *words: str) -> list[str]:
    return [sys.executable, str(TOP / "manage.py"), *words, "--port", str(free_port())]


def environment(home: Path) -> dict[str, str]:
    return {**os.environ, "MWA_HOME": str(home), "DJANGO_SETTINGS_MODULE": "mwaportal.settings"}


def last_line(home: Path, *words: str) -> dict:
    done = subprocess.run(
        command(home, *words), env=environment(home), cwd=TOP, capture_output=True, text=True, timeout=900,
        check=False,
    )  # fmt: skip
    lines = done.stdout.strip().splitlines() or [done.stderr]
    assert done.returncode == 0, "\n".join([*lines[-15:], done.stderr[-1500:]])
    return json.loads(lines[-1])


def processes_below(home: Path) -> list[str]:
    found = []
    for process in psutil.process_iter(["cmdline", "environ"]):
        words, env = process.info["cmdline"] or [], process.info["environ"] or {}
        if str(home) in " ".join(words) or env.get("MWA_HOME") == str(home):
            found.append(" ".join(words)[:120])
    return found


@pytest.mark.parametrize(
    "missing, why", [("source", "without the servers of a demo"), ("portal", "not a state directory")]
)
def test_starting_over_deletes_nothing_but_a_demo(tmp_path, missing, why):
    for name in {"source", "portal"} - {missing}:
        (tmp_path / name).mkdir()
        (tmp_path / name / "PG_VERSION").touch()
    with pytest.raises(SystemExit, match=why):
        fresh(tmp_path)
    assert list(tmp_path.iterdir())


@pytest.mark.slow
def test_a_rehearsal_loses_nothing_and_leaves_no_process(home):
    report = last_line(home, "rehearse", "--rows", "20000", "--pause", "2", "--rate", "200")
    assert list(report) == [
        "copied_rows", "copy_seconds", "tracked_changes", "resync_rows", "resync_seconds",
        "swap_write_gap_ms", "swap_back_write_gap_ms", "acknowledged", "lost", "duplicated",
        "compared_rows", "differences", "wal_held_peak_mb", "files_copied", "file_changes",
        "file_differences", "dangling_paths", "files_acknowledged", "files_lost",
    ]  # fmt: skip
    assert report["copied_rows"] >= 20_000 and report["acknowledged"] > 500
    assert (report["lost"], report["duplicated"], report["differences"]) == (0, 0, 0)
    assert report["tracked_changes"] > 0 and 0 < report["swap_write_gap_ms"] < 5000
    assert processes_below(home) == []


@pytest.mark.slow
def test_nothing_is_lost_while_everything_is_killed(home):
    """`make faults` does it for as many rounds as there is time for."""
    report = last_line(home, "faults", "--rounds", "10", "--seed", "2", "--rows", "20000")
    assert report["acknowledged"] > 500
    assert sum(report["faults"].values()) == report["rounds"] == 10
    for kind in ("lost", "duplicated", "differences", "manual_repairs"):
        assert report[kind] == 0
    assert processes_below(home) == []


@pytest.mark.slow
def test_the_demo_answers_and_ctrl_c_leaves_nothing_running(home):
    words = command(home, "demo", "--rows", "20000", "--rate", "50")
    url = f"http://127.0.0.1:{words[-1]}/"
    demo = subprocess.Popen(
        words, env=environment(home), cwd=TOP, stdout=subprocess.PIPE, text=True, start_new_session=True
    )

    def answers() -> bool:
        assert demo.poll() is None
        try:
            with urllib.request.urlopen(url, timeout=2) as response:
                return response.status == 200
        except OSError:
            return False

    try:
        wait_until(answers, "the demo's page", seconds=60)
        assert any("writers" in line for line in processes_below(home))
        demo.send_signal(signal.SIGINT)
        said, _ = demo.communicate(timeout=90)
    finally:
        demo.kill()
    assert "olga" in said and "artur" in said
    assert processes_below(home) == []
