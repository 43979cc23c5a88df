"""The replication criteria of a pair from a shell: the list, and changes that are pending under a label."""

from django.core.management.base import CommandError

from mwaportal.shell import await_pair, tell
from nodes.models import CriteriaChange, CriteriaRule
from nodes.status import INCLUSION
from tracking.criteria_page import standing


def add_arguments(parser):
    """The options of the verb; without any it lists."""
    act = parser.add_mutually_exclusive_group()
    inclusions = [value for value, _ in INCLUSION.choices]
    act.add_argument("--add", choices=inclusions, help="add a rule, pending under --label")
    act.add_argument(
        "--remove", type=int, metavar="RULE", help="remove the rule of this number, under --label"
    )
    act.add_argument("--preview", metavar="LABEL", help="what the change of this label would do")
    act.add_argument("--commit", metavar="LABEL", help="have it take effect")
    act.add_argument("--roll-back", metavar="LABEL", help="forget it")
    parser.add_argument("--label", default="", help="any word; the same one is committed together")
    parser.add_argument(
        "--pool", metavar="DATABASE", help="in this one only; --add needs it if there are several"
    )
    for option in ("schema", "type", "object"):
        parser.add_argument(f"--{option}", default="", help="what the rule is about; all without it")
    parser.add_argument("--user", default="", help="in whose name (default: who runs this)")


def carry_out(pair, user, wait, given):
    """Do what was asked for; returns the lines that say where things stand then.

    Raises `CommandError` or `ValidationError`.
    """
    pools = _pools(pair, given["pool"])
    changes = _asked(pools, user, given)
    tell(pair)
    undone = CriteriaChange.objects.to_do().filter(pk__in=[change.pk for change in changes])
    if wait:
        await_pair(pair, "seen to", wait, lambda _: not undone.exists())
    if given["commit"] and (failures := _failures(changes)):
        raise CommandError("; ".join(failures))
    if given["preview"]:
        return [line for change in _labelled(pools, given["preview"]) for line in _previewed(change)]
    return _listed(pools)


def _asked(pools, user, given):
    """Do it; returns the pending changes that it was about."""
    if given["add"]:
        return [_add(pools, user, given)]
    if given["remove"] is not None:
        return _remove(pools, user, given)
    label = given["commit"] or given["roll_back"] or given["preview"]
    changes = _labelled(pools, label) if label else []
    for change in changes:
        if given["commit"]:
            change.commit(user)
        elif given["roll_back"]:
            change.roll_back()
    return changes


def _pools(pair, database):
    every = list(pair.pools.all())
    found = [pool for pool in every if database in (None, pool.database)]
    if not found:
        raise CommandError(f"pair {pair} has no database {database}; it has: {_names(every)}")
    return found


def _names(pools):
    return ", ".join(pool.database for pool in pools)


def _add(pools, user, given):
    if len(pools) > 1:
        raise CommandError(f"there are {len(pools)} databases, needed is --pool with one of: {_names(pools)}")
    rule = CriteriaRule(
        pool=pools[0], inclusion=given["add"], schema=given["schema"], object_type=given["type"],
        name=given["object"], label=given["label"],
    )  # fmt: skip
    return rule.add(user)


def _remove(pools, user, given):
    rule = CriteriaRule.objects.filter(pool__in=pools, pk=given["remove"]).first()
    if rule is None:
        raise CommandError(f"there is no rule {given['remove']} in {_names(pools)}")
    rule.remove(given["label"], user)
    return CriteriaChange.objects.filter(pool=rule.pool, label=rule.label)


def _labelled(pools, label):
    """The pending changes of this label, one of a pool; raises `CommandError`, which says what there is."""
    pending = CriteriaChange.objects.filter(pool__in=pools).select_related("pool__pair")
    found = list(pending.filter(label=label))
    if not found:
        labels = ", ".join(sorted({change.label for change in pending})) or "nothing"
        raise CommandError(f"nothing is pending under '{label}' in {_names(pools)}; pending is: {labels}")
    return found


def _failures(changes):
    now = CriteriaChange.objects.filter(pk__in=[change.pk for change in changes])
    return [f"{change}: {change.failure}" for change in now if change.failure]


def _listed(pools):
    rules = CriteriaRule.objects.filter(pool__in=pools).select_related("pool")
    lines = [
        f"{rule.pk}  {rule.pool.database}  {rule.state}  {rule}  {rule.label}".rstrip() for rule in rules
    ]
    pending = CriteriaChange.objects.filter(pool__in=pools).select_related("pool__pair")
    return lines + [line for change in pending for line in _told(change)]


def _told(change):
    """Where a pending change stands, and what forbids it."""
    preview = change.preview or {"changes": [], "more": 0, "refusals": []}
    count = "" if change.preview is None else f"; objects that change: {_count(preview)}"
    refusals = [f"    {why}" for why in filter(None, (change.failure, *preview["refusals"]))]
    return [f"{change}: {standing(change).label}{count}", *refusals]


def _count(preview):
    return len(preview["changes"]) + preview["more"]


def _previewed(change):
    """The same with the objects that would be something else."""
    preview = change.preview or {"changes": [], "more": 0}
    objects = [
        f"    {each['object_type']} {each['identity']}: {each['before']} -> {each['after']}, {each['effect']}"
        for each in preview["changes"]
    ]
    more = [f"    and {preview['more']} more"] if preview["more"] else []
    return _told(change) + objects + more
