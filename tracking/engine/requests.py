"""What people have asked of the nodes of a pool: control points to force, sessions to end."""

from datetime import datetime

import psycopg
from django.utils import timezone

from nodes.postgres import lsn, slot, transactions
from nodes.postgres.connect import Unreachable
from tracking.models import NodeJobs, NodeRequest
from tracking.models.requests import TIMELY

from .poolruntime import PoolRuntime
from .say import say

_MAY_NOT = "its role may not execute pg_log_standby_snapshot(); needed is grant execute on it, or pg_monitor"


def step(runtime: PoolRuntime) -> None:
    """Do what is asked for, but for what is too old: whoever asked has seen another situation."""
    pool = runtime.pool
    for request in NodeRequest.objects.filter(pool=pool, done_at=None).order_by("id"):
        request.pool = pool
        if timezone.now() - request.asked_at > TIMELY:
            request.end(f"the engine did not come to it within {TIMELY.seconds} s", done=False)
            continue
        try:
            answer, done = _do(runtime, request)
        except (Unreachable, psycopg.Error) as error:
            answer, done = str(error).strip() or type(error).__name__, False
        say(pool.pair, f"{_asked(request)}: {answer}", "", pool)
        request.end(answer, done=done)


def _do(runtime: PoolRuntime, request: NodeRequest) -> tuple[str, bool]:
    if request.kind == NodeRequest.Kind.CONTROL_POINT:
        position = slot.force_control_point(runtime.primary())
        if position is None:
            return f"{runtime.pool.pair.primary} has written none: {_MAY_NOT}", False
        return f"written at {lsn.render(position)} by {runtime.pool.pair.primary}", True
    return _end(runtime, request.role, request.pid, request.session_began)


def _end(runtime: PoolRuntime, role: str, pid: int, session_began: datetime) -> tuple[str, bool]:
    on_primary = role == NodeJobs.Role.PRIMARY
    node = runtime.pool.pair.primary if on_primary else runtime.pool.pair.secondary
    session = runtime.primary() if on_primary else runtime.secondary()
    if transactions.end_session(session, pid, session_began):
        return f"ended on {node}, its transaction was rolled back", True
    return f"it was not there any more on {node}; nothing was ended", False


def _asked(request: NodeRequest) -> str:
    what = "Control point" if request.kind == NodeRequest.Kind.CONTROL_POINT else f"Session {request.about}"
    return f"{what}, asked for by {request.asked_by}"
