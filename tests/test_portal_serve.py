"""`manage.py serve`: starts from nothing, answers, and leaves nothing running, however it ends."""

import os
import shutil
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Iterator

import psutil
import pytest
import redis

from mwaportal import portaldb
from nodes.postgres.connect import one, wait_until
from tests.served import Served, free_port

SEED = "from tests.portal import *; make_people(); make_pair()"


@pytest.fixture
def served() -> Iterator[Served]:
    portal = Served()
    yield portal
    portal.remove()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_starts_from_nothing_and_ends_leaving_no_process(served, number):
    began = time.monotonic()
    served.start()
    assert time.monotonic() - began < 30
    assert served.processes()
    began = time.monotonic()
    code, output = served.stop(number)
    assert code == 0 and "Traceback" not in output
    assert time.monotonic() - began < 25
    assert served.processes() == []


def lease(served: Served) -> str:
    """The engine that works on the one pair there is."""
    with served.database() as database:
        return one(database, "select lease_owner from nodes_pair")


def test_its_engine_takes_every_pair(served):
    served.start()
    served.run("shell", "-v0", "-c", SEED)
    wait_until(lambda: lease(served) > "", "the engine's lease", seconds=10)


def test_its_engine_gives_every_pair_back_when_it_ends(served):
    served.start()
    served.run("shell", "-v0", "-c", SEED)
    wait_until(lambda: lease(served) > "", "the engine's lease", seconds=10)
    code, output = served.stop()
    assert code == 0 and "Traceback" not in output
    served.start("--no-worker")
    assert lease(served) == ""


def test_after_a_kill_the_next_start_goes_on_and_the_end_is_clean(served):
    served.start("--no-worker")
    served.stop(signal.SIGKILL)
    assert served.processes()  # the database has nobody left to stop it
    served.start("--no-worker")
    served.stop()
    assert served.processes() == []


def test_its_database_is_started_again_when_it_is_killed(served):
    served.start("--no-worker")
    server = portaldb.embedded(served.home)
    before = server.pid()
    os.kill(before, signal.SIGKILL)
    psutil.wait_procs([psutil.Process(before)] if psutil.pid_exists(before) else [], timeout=5)
    wait_until(lambda: server.is_running() and server.pid() != before, "the portal's database", seconds=20)
    wait_until(served.answers, "a page", seconds=10, every=0.1)


def test_a_port_that_is_taken_is_named(served):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", served.port))
        taken.listen()
        assert f"cannot listen on 127.0.0.1:{served.port}" in served.run("serve", "--port", str(served.port))
    assert served.processes() == []


def test_a_second_portal_on_the_same_state_is_refused(served):
    served.start("--no-worker")
    assert "already being served" in served.run("serve", "--port", str(free_port()))
    assert served.answers()


def test_a_command_stops_the_database_only_if_nobody_uses_it(served):
    served.start("--no-worker")
    assert "No changes detected" in served.run("makemigrations", "--check", "--dry-run")
    assert served.answers()
    served.stop()
    assert "No changes detected" in served.run("makemigrations", "--check", "--dry-run")
    assert served.processes() == []


def test_a_command_that_is_terminated_stops_the_database(served):
    command = served.command("shell", "-v0", "-c", "import time; print('up', flush=True); time.sleep(60)")
    for line in command.stdout:
        if line == "up\n":
            break
    assert served.processes()
    command.terminate()
    command.communicate(timeout=30)
    assert served.processes() == []


def test_many_commands_at_once_start_one_database(served):
    commands = [served.command("migrate", "--check") for _ in range(4)]
    for command in commands:
        output, _ = command.communicate(timeout=60)
        assert "Traceback" not in output and "Error" not in output
    assert served.processes() == []


def test_a_broken_setting_is_named(served):
    output = served.run("serve", MWA_HTTPS="yes")
    assert "MWA_HTTPS is 'yes'; it has to be True or False" in output


def test_a_worker_of_its_own_needs_redis(served):
    assert "runworker needs REDIS_URL" in served.run("runworker", "engine")


def listen_to(process: subprocess.Popen[str]) -> list[str]:
    """What a process prints, line by line as it does."""
    said: list[str] = []

    def read() -> None:
        for line in process.stdout:
            said.append(line)

    threading.Thread(target=read, daemon=True).start()
    return said


def waits_at(port: int) -> bool:
    """Whether somebody waits for a message at this Redis."""
    with redis.Redis(port=port) as broker:
        return any(client["cmd"].startswith("bzpopmin") for client in broker.client_list())


@pytest.mark.slow
@pytest.mark.skipif(not shutil.which("redis-server"), reason="there is no redis-server on this machine")
def test_a_worker_of_its_own_works_and_outlives_redis(served):
    port = free_port()
    url = {"REDIS_URL": f"redis://127.0.0.1:{port}/0"}

    def start_redis() -> subprocess.Popen[bytes]:
        started = subprocess.Popen(
            ["redis-server", "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"],
            stdout=subprocess.DEVNULL,
        )
        wait_until(lambda: socket.socket().connect_ex(("127.0.0.1", port)) == 0, "redis", seconds=5)
        return started

    broker = start_redis()
    worker = None
    try:
        served.start("--no-worker", **url)
        served.run("shell", "-v0", "-c", SEED)
        worker = served.command("runworker", "engine", **url)
        said = listen_to(worker)
        wait_until(lambda: f":{worker.pid}:" in lease(served), "the worker's lease", seconds=15, every=0.1)
        wait_until(lambda: waits_at(port), "the worker to listen", seconds=15, every=0.1)
        broker.kill()
        broker.wait()
        wait_until(lambda: "the engine's doorbell failed" in "".join(said), "it to notice", seconds=15)
        assert worker.poll() is None and served.answers()
        broker = start_redis()
        wait_until(lambda: waits_at(port), "the worker to listen again", seconds=30, every=0.1)
        ring = "from mwaportal.doorbell import ring; print(ring(1))"
        assert "None" in served.run("shell", "-v0", "-c", ring, **url)
        assert worker.poll() is None
        worker.terminate()
        assert worker.wait(30) is not None
    finally:
        broker.kill()
        broker.wait()
        if worker and worker.poll() is None:
            worker.kill()
