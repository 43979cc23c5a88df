"""A server of our own comes up whatever was killed the last time."""

import os
import signal
import subprocess
import sys

import pytest

from nodes.postgres.connect import connect, one, wait_until
from nodes.postgres.embedded import EmbeddedServer

START = """
import sys; from pathlib import Path; from nodes.postgres.embedded import EmbeddedServer
EmbeddedServer(Path(sys.argv[1]), 18).start()
"""


@pytest.fixture
def server(tmp_path_factory):
    top = tmp_path_factory.mktemp("own")
    for parent in (top, *top.parents[:2]):
        parent.chmod(0o755)
    made = EmbeddedServer(top / "server", 18)
    yield made
    made.remove()


@pytest.mark.parametrize(
    "file", ["PG_VERSION", "postgresql.conf", "global/pg_control", "pg_wal/archive_status"]
)
def test_killed_while_it_is_initialised_the_next_start_begins_anew(server, file):
    with subprocess.Popen(
        [sys.executable, "-c", START, str(server.directory)], start_new_session=True
    ) as process:
        there = server.directory.parent
        wait_until(lambda: any(there.glob(f"*/{file}")), "initdb to have begun", seconds=30, every=0.001)
        os.killpg(process.pid, signal.SIGKILL)
    server.start()
    server.start()
    with connect(server.conninfo(), "test") as session:
        assert one(session, "show wal_level") == "logical"
    assert [each.name for each in there.iterdir()] == ["server"]
