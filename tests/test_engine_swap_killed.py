import signal
import subprocess
import sys

import psycopg
import pytest
from django.db import connection

from nodes.models import Pair, SwapRequest
from nodes.postgres import blocked, slot
from nodes.postgres.connect import connect, wait_until
from nodes.postgres.fence import is_open, maintenance_conninfo
from tests.engine_swap import approved, ended
from tests.mirror import content
from tracking.engine import cutover
from tracking.mirror.swap import SwapRefused
from tracking.models import JournalEntry

ACCOUNT = """
    create table account (id int primary key, n int not null default 0);
    insert into account select i, 0 from generate_series(1, 50) i
"""
ENGINE = """
import os, sys, time
sys.path.insert(0, {top!r})
import django
from django.conf import settings
settings.DATABASES["default"]["NAME"] = {name!r}
django.setup()
from tracking.engine import supervisor
from tracking.mirror.swap import PoolSwap
through = getattr(PoolSwap, {step!r})
def die(self):
    through(self)
    os.kill(os.getpid(), 9)
setattr(PoolSwap, {step!r}, die)
supervisor.start()
time.sleep(60)
"""


@pytest.fixture
def replicating(engine):
    """A pair that is ACTIVE, its engine stopped, a role swap approved."""
    engine.database.source.execute(ACCOUNT)
    engine.set(swap_budget_ms=1500)
    engine.migrate()
    engine.stop()
    return engine


def die_after(engine, step: str, top: str) -> SwapRequest:
    """An engine in a process of its own is killed right after a step of the swap."""
    request = approved(engine)
    script = ENGINE.format(top=top, name=connection.settings_dict["NAME"], step=step)
    killed = subprocess.run([sys.executable, "-c", script], check=False, timeout=60, capture_output=True)
    assert killed.returncode == -signal.SIGKILL, killed.stderr.decode()[-2000:]
    Pair.objects.update(lease_until=None)  # it would end by itself after seconds
    return request


def cluster(engine):
    return connect(maintenance_conninfo(engine.database.source_conninfo, engine.database.name), "test")


@pytest.mark.parametrize("step", ["prepare", "approach", "close_primary", "drain", "commit"])
def test_an_engine_killed_before_the_decision_leaves_the_source_the_primary(replicating, request, step):
    swap = die_after(replicating, step, str(request.config.rootpath))
    swap.refresh_from_db()
    assert swap.state == "RUNNING"
    assert blocked.is_blocked(replicating.database.copy, replicating.database.name)
    replicating.start()
    assert ended(replicating, swap)[0] == "FAILED"
    replicating.reconnect()
    replicating.application("update account set n = 1 where id < 10; insert into account values (100)")
    replicating.until_state("ACTIVE", "REPLICATING")
    replicating.until_equal()
    assert not replicating.pair.swapped and replicating.pair.phase == "SYNC"
    assert slot.find(replicating.database.copy, replicating.pool.slot(reverse=True)) is None


@pytest.mark.parametrize("step", ["close_primary", "drain"])
def test_the_source_opens_by_itself_while_nobody_of_us_lives(replicating, request, step):
    die_after(replicating, step, str(request.config.rootpath))
    with cluster(replicating) as outside:
        assert not is_open(outside, replicating.database.name)
        wait_until(lambda: is_open(outside, replicating.database.name), "the guard", seconds=10)
    replicating.application("update account set n = 1")


@pytest.mark.parametrize("step", ["open_secondary", "finish"])
def test_an_engine_killed_after_the_decision_has_swapped_the_roles(replicating, request, step):
    swap = die_after(replicating, step, str(request.config.rootpath))
    swap.refresh_from_db()
    assert swap.state == "COMMITTED"
    replicating.start()
    assert ended(replicating, swap) == ("COMPLETE", "")
    assert replicating.pair.swapped and replicating.pair.phase == "SYNC"
    replicating.reconnect()
    replicating.database.copy.execute("update account set n = 2; insert into account values (200)")
    replicating.until_equal()
    with (
        psycopg.connect(replicating.database.source_conninfo) as app,
        pytest.raises(psycopg.errors.ReadOnlySqlTransaction),
    ):
        app.execute("insert into public.account values (300)")


def test_a_decided_swap_is_completed_although_the_copy_crashed_too(replicating, servers, request):
    swap = die_after(replicating, "open_secondary", str(request.config.rootpath))
    servers.copy.stop("immediate")
    replicating.start()
    replicating.until("somebody to be told", lambda: replicating.pair.phase_detail == "E")
    servers.copy.start()
    assert ended(replicating, swap) == ("COMPLETE", "")
    replicating.reconnect()
    replicating.database.copy.execute("update account set n = 2")
    replicating.until_equal()
    assert content(replicating.database.source)["public.account"][0] == "(1,2)"


def test_the_copy_that_crashes_in_the_swap_leaves_the_source_the_primary(replicating, servers, request):
    swap = die_after(replicating, "drain", str(request.config.rootpath))
    servers.copy.stop("immediate")
    replicating.start()
    with cluster(replicating) as outside:
        wait_until(lambda: is_open(outside, replicating.database.name), "the source", seconds=10)
    replicating.application("update account set n = 3")
    servers.copy.start()
    assert ended(replicating, swap)[0] == "FAILED"
    replicating.reconnect()
    replicating.until_state("ACTIVE", "REPLICATING")
    replicating.until_equal()


def test_an_engine_that_is_stopped_in_the_swap_ends_it_one_way_or_the_other(replicating):
    replicating.start()
    swap = approved(replicating)
    replicating.until("the swap", lambda: JournalEntry.objects.filter(state="FINAL SYNC").exists())
    replicating.stop()
    replicating.start()
    assert ended(replicating, swap)[0] in ("COMPLETE", "FAILED")
    replicating.reconnect()
    primary = replicating.database.copy if replicating.pair.swapped else replicating.database.source
    primary.execute("update account set n = 4")
    replicating.until_state("ACTIVE", "REPLICATING")
    replicating.until_equal()


def test_two_engines_cannot_both_decide(replicating, request):
    """The one that hung right before its decision finds that the other has taken the swap back."""
    swap = die_after(replicating, "commit", str(request.config.rootpath))
    swap.refresh_from_db()
    hung = SwapRequest.objects.get(pk=swap.pk)
    replicating.start()
    assert ended(replicating, swap)[0] == "FAILED"
    with pytest.raises(SwapRefused, match="another engine"):
        cutover._decide(hung)
    swap.refresh_from_db()
    assert swap.state == "FAILED"
