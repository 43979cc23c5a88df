"""The portal from a shell: define nodes and pairs, start, pause, compare, swap, remove."""

import getpass
import json
import os
import time

from django.contrib.auth import authenticate
from django.core.exceptions import PermissionDenied, ValidationError
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from mwaportal import doorbell
from mwaportal.access import APPROVE, REQUEST
from nodes.models import Node, Pair, StoragePool, SwapRequest
from nodes.postgres import preflight
from nodes.postgres.connect import describe
from nodes.status import VERDICT
from tracking.models import CompareRun

_POLL_SECONDS = 0.2


class Command(BaseCommand):
    help = __doc__

    def add_arguments(self, parser):
        verbs = parser.add_subparsers(dest="verb", required=True)
        node = verbs.add_parser("node", help="define a node; the connection string comes from MWA_CONNINFO")
        node.add_argument("name")
        pair = verbs.add_parser("pair", help="define a pair and its databases; the first is *SYSBAS")
        pair.add_argument("name")
        pair.add_argument("source")
        pair.add_argument("copy")
        pair.add_argument("databases", nargs="+")
        for verb, text in (
            ("preflight", "look for what would go wrong; nothing is touched"),
            ("start", "start the migration, or synchronizing after a pause"),
            ("pause", "keep tracking, stop synchronizing"),
            ("remove", "take everything of ours off both nodes"),
            ("compare", "compare every table while writing goes on"),
            ("definitions", "definition changes that are to be done by hand"),
            ("status", "where a pair stands, as JSON"),
        ):
            one = verbs.add_parser(verb, help=text)
            one.add_argument("name")
            if verb in ("start", "pause", "remove"):
                one.add_argument("--wait", type=float, default=0, help="seconds to wait until it is so")
            if verb == "definitions":
                one.add_argument("--done", type=int, nargs="*", default=[], help="tick these off")
                one.add_argument("--user", default="")
        swap = verbs.add_parser("swap", help="request, approve, reject or cancel a role swap")
        swap.add_argument("act", choices=["request", "approve", "reject", "cancel"])
        swap.add_argument("name")
        swap.add_argument("--user", required=True, help="asks for the password, or takes MWA_PASSWORD")
        swap.add_argument("--digest", default="", help="of the plan that is approved")
        setting = verbs.add_parser("set", help="change a property of a pair")
        setting.add_argument("name")
        setting.add_argument("property", choices=_PROPERTIES)
        setting.add_argument("value")

    def handle(self, *, verb, **given):
        try:
            getattr(self, verb)(**given)
        except (ValidationError, PermissionDenied) as error:
            raise CommandError("; ".join(getattr(error, "messages", [str(error)]))) from error
        except (Node.DoesNotExist, Pair.DoesNotExist) as error:
            raise CommandError(str(error)) from error

    def say(self, text):
        self.stdout.write(str(text))

    def node(self, *, name, **_):
        conninfo = os.environ.get("MWA_CONNINFO", "")
        if not conninfo:
            raise CommandError(f"node {name}: MWA_CONNINFO is empty, needed is a connection string")
        node = Node(name=name, conninfo=conninfo)
        node.full_clean()
        node.save()
        self.say(f"node {node}: {describe(conninfo)}")

    def pair(self, *, name, source, copy, databases, **_):
        nodes = [Node.objects.get(name=wanted) for wanted in (source, copy)]
        pair = Pair(name=name, source=nodes[0], copy=nodes[1])
        pair.full_clean(exclude=["token"])
        pair.save()
        for number, database in enumerate(databases, 1):
            StoragePool.objects.create(pair=pair, number=number, database=database)
        self.say(f"pair {pair}: {source} -> {copy}, {', '.join(databases)}")

    def preflight(self, *, name, **_):
        pair = Pair.objects.get(name=name)
        databases = [pool.database for pool in pair.pools.all()]
        checks = preflight.run(pair.source.own_conninfo, pair.copy.own_conninfo, databases)
        self.say(preflight.report(checks))
        if not preflight.passed(checks):
            raise CommandError("preflight failed")

    def start(self, *, name, wait, **_):
        self._ask(name, Pair.Goal.SYNC, wait, lambda pair: pair.phase == "SYNC" and _replicating(pair))

    def pause(self, *, name, wait, **_):
        self._ask(name, Pair.Goal.PAUSED, wait, lambda pair: pair.phase == "PAUSED")

    def remove(self, *, name, wait, **_):
        self._ask(name, Pair.Goal.REMOVED, wait, lambda pair: pair is None)

    def compare(self, *, name, **_):
        pair = Pair.objects.get(name=name)
        runs = [CompareRun.objects.create(pool=pool) for pool in pair.pools.all()]
        doorbell.ring(pair.pk)
        while CompareRun.objects.filter(pk__in=[run.pk for run in runs], ended_at=None).exists():
            time.sleep(_POLL_SECONDS)
        worst = False
        for run in runs:
            for result in run.results.all():
                self.say(f"{run.pool.database}.{result}: {result.rows} rows {result.reason}")
                for row in result.differences:
                    self.say(f"    {json.dumps(row)}")
                worst = worst or result.verdict != VERDICT["EQUAL"].value
        if worst:
            raise CommandError("the nodes are not equal")

    def definitions(self, *, name, done, user, **_):
        pair = Pair.objects.get(name=name)
        for pool in pair.pools.all():
            pool.definition_entries.filter(pk__in=done, done_at=None).update(
                done_at=timezone.now(), done_by=user or getpass.getuser()
            )
            for entry in pool.definition_entries.filter(done_at=None):
                self.say(f"{entry.pk}  {pool.database}  {entry}")
        doorbell.ring(pair.pk)

    def status(self, *, name, **_):
        self.say(json.dumps(describe_pair(Pair.objects.get(name=name)), indent=2, default=str))

    def set(self, *, name, property, value, **_):
        pair = Pair.objects.get(name=name)
        setattr(pair, property, Pair._meta.get_field(property).to_python(value))
        pair.full_clean(exclude=["token"])
        pair.save(update_fields=[property])
        doorbell.ring(pair.pk)
        self.say(f"{property} of pair {pair} is {getattr(pair, property)}")

    def swap(self, *, act, name, user, digest, **_):
        pair, person = Pair.objects.get(name=name), _person(user)
        needed = APPROVE if act in ("approve", "reject") else REQUEST
        if not person.has_perm(needed):
            raise PermissionDenied(f"{user} may not {act} a role swap, needed is the permission {needed}")
        if act == "request":
            request = SwapRequest.request(pair, person)
            self.say(json.dumps({"plan": request.plan, "digest": request.digest}, indent=2))
            return
        request = pair.swaps.filter(state="REQUESTED").first()
        if request is None:
            raise CommandError(f"no role swap of pair {name} is waiting for approval")
        if act == "approve":
            if not digest:
                self.say(json.dumps(request.plan, indent=2))
                raise CommandError(f"to approve this plan, give --digest {request.digest}")
            request.approve(person, digest)
            doorbell.ring(pair.pk)
        else:
            (request.reject if act == "reject" else request.cancel)(person)
        self.say(f"{request}: {request.get_state_display()}")

    def _ask(self, name, goal, wait, reached):
        pair = Pair.objects.get(name=name)
        pair.ask(goal, getpass.getuser())
        doorbell.ring(pair.pk)
        deadline = time.monotonic() + wait
        while wait:
            now = Pair.objects.filter(pk=pair.pk).first()
            if reached(now):
                break
            if now and now.phase_detail == "E" and now.goal == "":
                raise CommandError(now.detail_text)
            if time.monotonic() > deadline:
                raise CommandError(
                    f"pair {name} is {now.get_phase_display()} after {wait:g} s: {now.detail_text}"
                )
            time.sleep(_POLL_SECONDS)
        self.say(f"pair {name}: {Pair.Goal(goal).label}")


_PROPERTIES = (
    "synchronous", "auto_resume", "parallel_degree", "savact", "savactwait_seconds", "suspend_wait_seconds",
    "lag_limit_bytes", "wal_limit_bytes", "whole_share_percent", "swap_budget_ms",
)  # fmt: skip


def _replicating(pair):
    return all((pool.state, pool.detail) == ("ACTIVE", "REPLICATING") for pool in pair.pools.all())


def _person(name):
    password = os.environ.get("MWA_PASSWORD") or getpass.getpass(f"password of {name}: ")
    person = authenticate(username=name, password=password)
    if person is None:
        raise CommandError(f"{name} is not known with this password")
    return person


def describe_pair(pair):
    """A pair as plain data."""
    return {
        "pair": pair.name, "primary": pair.primary.name, "secondary": pair.secondary.name,
        "stage": pair.stage, "phase": pair.phase, "pending_phase": pair.pending_phase,
        "detail": pair.get_phase_detail_display(), "text": pair.detail_text,
        "pools": [
            {
                "asp": pool.asp_name, "database": pool.database, "state": pool.state, "detail": pool.detail,
                "reason": pool.reason, "reason_text": pool.reason_text, "lag_bytes": pool.lag_bytes,
                "wal_held_bytes": pool.wal_held_bytes, "tracked_changes": pool.tracked_changes,
                "tracked_rows": pool.tracked_rows, "measured_at": pool.measured_at,
            }
            for pool in pair.pools.all()
        ],
    }  # fmt: skip
