"""The portal from a shell: make people, define nodes and pairs, start, pause, compare, swap, remove."""

import getpass
import json
import os

import psycopg
from django.core.exceptions import PermissionDenied, ValidationError
from django.core.management.base import BaseCommand, CommandError
from django.db import transaction

from mwaportal import shell_criteria, shell_files, shell_lists, shell_node_files, shell_properties
from mwaportal.access import APPROVE, GROUPS, REQUEST, add_person
from mwaportal.shell import as_data, await_pair, in_words, named, person_of, tell
from nodes import defining
from nodes.models import Node, Pair, SwapRequest
from nodes.postgres import preflight
from nodes.postgres.connect import Unreachable, describe
from nodes.status import VERDICT
from tracking.engine import paircheck
from tracking.models import CompareRun, DefinitionEntry


class Command(BaseCommand):
    help = __doc__

    def add_arguments(self, parser):
        verbs = parser.add_subparsers(dest="verb", required=True)

        def add(verb, text, *arguments, wait=None):
            made = verbs.add_parser(verb, help=text)
            for argument in arguments:
                made.add_argument(argument)
            if wait is not None:
                made.add_argument(
                    "--wait", type=float, default=wait, metavar="SECONDS",
                    help="wait so long until it is so (%(default)s)",
                )  # fmt: skip
            return made

        _add_what_there_is(add)
        _add_what_is_done(add)
        _add_lists(add)

    def handle(self, *, verb, **given):
        try:
            getattr(self, verb.replace("-", "_"))(**given)
        except (ValidationError, PermissionDenied) as error:
            raise CommandError(in_words(error)) from error
        except (Unreachable, psycopg.Error) as error:
            raise CommandError(str(error).strip()) from error

    def say(self, text):
        self.stdout.write(str(text))

    def person(self, *, name, role, **_):
        password = add_person(name, _ROLES[role], one_time=True)
        self.say(f"{name} is {role}; one-time password, to be changed by signing in: {password}")

    def node(self, *, name, **_):
        conninfo = os.environ.get("MWA_CONNINFO", "")
        if not conninfo:
            raise CommandError(f"node {name}: MWA_CONNINFO is empty, needed is a connection string")
        node, why = defining.add_node(name, conninfo, getpass.getuser(), may_be_away=True)
        if why:
            self.say(f"node {node} is defined and does not answer: {why}")
        else:
            self.say(f"node {node}: {describe(conninfo)}, PostgreSQL {node.version}")

    def node_files(self, *, name, **given):
        for line in shell_node_files.carry_out(named(Node, name), given):
            self.say(line)

    def pair(self, *, name, source, copy, databases, **_):
        pair = defining.add_pair(name, named(Node, source), named(Node, copy), databases)
        self.say(f"pair {pair}: {source} -> {copy}, {', '.join(databases)}")

    def preflight(self, *, name, create_databases, **_):
        found = paircheck.run(named(Pair, name), create_databases=create_databases)
        for line in found.made:
            self.say(line)
        self.say(preflight.report(found.checks))
        if not preflight.passed(found.checks):
            raise CommandError("preflight failed")

    def start(self, *, name, wait, **_):
        self._ask(name, Pair.Goal.SYNC, wait, _in_step)

    def pause(self, *, name, wait, **_):
        self._ask(name, Pair.Goal.PAUSED, wait, lambda pair: pair.phase == "PAUSED")

    def remove(self, *, name, wait, **_):
        self._ask(name, Pair.Goal.REMOVED, wait, lambda pair: False)

    def compare(self, *, name, wait, **_):
        pair = named(Pair, name)
        with transaction.atomic():
            runs = [CompareRun.request(pool, by=getpass.getuser()) for pool in pair.pools.all()]
        tell(pair)
        going_on = CompareRun.objects.filter(pk__in=[run.pk for run in runs], ended_at=None)
        await_pair(pair, "compared", wait, lambda pair: not going_on.exists())
        equal = [self._say_verdict(run.pool, result) for run in runs for result in run.results.all()]
        if not all(equal):
            raise CommandError("not every table was proved equal")

    def _say_verdict(self, pool, result):
        self.say(f"{pool.database}.{result}: {result.rows} rows {result.reason}".rstrip())
        for row in result.differences:
            self.say(f"    {json.dumps(row)}")
        return result.verdict == VERDICT["EQUAL"].value

    def definitions(self, *, name, done, retry, user, **_):
        pair = named(Pair, name)
        entries = DefinitionEntry.objects.filter(pool__pair=pair)
        for number in [*done, *retry]:
            if (entry := entries.filter(pk=number).first()) is None:
                raise CommandError(f"pair {name} has no definition {number} to be done by hand")
            entry.tick_off(user or getpass.getuser()) if number in done else entry.retry()
        for entry in entries.filter(done_at=None).select_related("pool"):
            self.say(f"{entry.pk}  {entry.pool.database}  {entry.state}  {entry}  {entry.failure}".rstrip())
        tell(pair)

    def list(self, *, name, **_):
        for line in shell_lists.listed(named(Pair, name)):
            self.say(line)

    def entry(self, *, name, number, act, priority, user, **_):
        pair = named(Pair, name)
        said = shell_lists.act(pair, number, act, priority, user or getpass.getuser())
        tell(pair)
        self.say(said)

    def root(self, *, name, **given):
        for line in shell_files.carry_out(named(Pair, name), given):
            self.say(line)

    def criteria(self, *, name, user, wait, **given):
        for line in shell_criteria.carry_out(named(Pair, name), user or getpass.getuser(), wait, given):
            self.say(line)

    def status(self, *, name, **_):
        self.say(json.dumps(as_data(named(Pair, name)), indent=2, default=str))

    def set(self, *, name, user, **given):
        pair = named(Pair, name)
        said = shell_properties.carry_out(pair, user or getpass.getuser(), given)
        tell(pair)
        self.say(said)

    def swap(self, *, act, name, user, digest, **_):
        pair, person = named(Pair, name), person_of(user)
        needed = APPROVE if act in ("approve", "reject") else REQUEST
        if not person.has_perm(needed):
            raise PermissionDenied(f"{user} may not {act} a role swap, needed is the permission {needed}")
        if act == "request":
            request = SwapRequest.request(pair, person)
            tell(pair)
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
        else:
            (request.reject if act == "reject" else request.cancel)(person)
        tell(pair)
        self.say(f"{request}: {request.get_state_display()}")

    def _ask(self, name, goal, wait, reached):
        pair = named(Pair, name)
        pair.ask(goal, getpass.getuser())
        tell(pair)
        if wait:
            await_pair(pair, goal, wait, reached)
        self.say(f"pair {name}: {Pair.Goal(goal).label}")


def _in_step(pair):
    mirrored = (*pair.pools.all(), *pair.file_roots.all())
    return pair.phase == "SYNC" and all(each.replicating for each in mirrored)


_ROLES = {group.lower().removesuffix("s"): group for group in GROUPS}


def _add_what_there_is(add):
    person = add("person", "make a person, or give him another role and password", "name")
    person.add_argument("--role", choices=_ROLES, required=True)
    add("node", "define a node; the connection string comes from MWA_CONNINFO", "name")
    files = add("node-files", "where the files of a node are; the ssh key comes from MWA_SSH_KEY", "name")
    shell_node_files.add_arguments(files)
    pair = add("pair", "define a pair and its databases; the first is *SYSBAS", "name", "source", "copy")
    pair.add_argument("databases", nargs="+")
    shell_properties.add_arguments(add("set", "change a property of a pair, or of one of its pools", "name"))


def _add_what_is_done(add):
    look = add("preflight", "look for what would go wrong; nothing is touched", "name")
    look.add_argument(
        "--create-databases", action="store_true",
        help="make those that the copy lacks, if nothing else is in the way",
    )  # fmt: skip
    add("start", "start the migration, or synchronizing after a pause", "name", wait=0)
    add("pause", "keep tracking, stop synchronizing", "name", wait=0)
    add("remove", "take everything of ours off both nodes", "name", wait=0)
    add("compare", "compare every table while writing goes on", "name", wait=3600)
    add("status", "where a pair stands, as JSON", "name")
    swap = add("swap", "request, approve, reject or cancel a role swap")
    swap.add_argument("act", choices=["request", "approve", "reject", "cancel"])
    swap.add_argument("name")
    swap.add_argument("--user", required=True, help="asks for the password, or takes MWA_PASSWORD")
    swap.add_argument("--digest", default="", help="of the plan that is approved")


def _add_lists(add):
    carried = add("definitions", "definition changes that are not on the secondary yet", "name")
    carried.add_argument("--done", type=int, nargs="*", default=[], help="tick these off")
    carried.add_argument("--retry", type=int, nargs="*", default=[], help="try these again")
    add("list", "the tracking lists: definition changes, other objects, and files", "name")
    entry = add("entry", "have something done with an entry of the list", "name")
    entry.add_argument("number", help="as mwa list shows it")
    entry.add_argument("act", choices=DefinitionEntry.ACTS)
    entry.add_argument("priority", nargs="?", default="", help="0 is tried first; none: in order")
    for verb in (carried, entry):
        verb.add_argument("--user", default="", help="in whose name (default: who runs this)")
    rules = add("criteria", "what is mirrored: list, add, remove, preview, commit rules", "name", wait=0)
    shell_criteria.add_arguments(rules)
    shell_files.add_arguments(add("root", "directories whose files move, too: add, list, remove, compare"))
