"""Carries out every check that can be carried out, and never raises."""

from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from dataclasses import replace

from nodes.postgres.preflight.check import Check, Finding, Options, Side
from nodes.postgres.preflight.place import Node, Place, redact
from nodes.postgres.preflight.rules import CONNECTION, DATABASE, PER_DATABASE, SAME_CLUSTER, SERVER, Rule

_DEFAULT = Options()


def run(
    source_conninfo: str, copy_conninfo: str, databases: Sequence[str], options: Options = _DEFAULT
) -> list[Check]:
    """Look at both nodes and at each of `databases`; nothing on either node is changed.

    What a check needs comes first: a node that cannot be reached, or a database that is not there, leaves out
    the checks inside it, and a copy that is the source itself ends the run. A check that cannot be carried
    out is a failed one with the server's message. No text holds a password. Takes about a second for a pair,
    and is bounded: each statement ends after 30 s at the latest.
    """
    with ExitStack() as closing:
        source, copy = Node("source", source_conninfo), Node("copy", copy_conninfo)
        closing.callback(source.close)
        closing.callback(copy.close)
        place = Place(source, copy, tuple(databases), options, "both")
        checks = _carry_out((CONNECTION,), place, {"source", "copy"})
        reached: set[Side] = {check.node for check in checks if check.status != "failed"}
        if len(reached) == 2:
            reached.add("both")
            checks += _carry_out((SAME_CLUSTER,), place, reached)
            if checks[-1].status == "failed":
                return checks
        checks += _carry_out(SERVER, place, reached)
        for name in dict.fromkeys(databases):
            checks += _in_database(replace(place, database=name), reached)
        return checks


def _in_database(place: Place, reached: set[Side]) -> list[Check]:
    # What the copy's database has to be depends on the source's.
    sides = reached if "both" in reached else reached & {"source"}
    checks = _carry_out((DATABASE,), place, sides)
    usable = {side for side in sides & {"source", "copy"} if _usable(place, side)}
    # A pair can be looked at before the copy's database is made, but not without the source's.
    if "both" in sides and "source" in usable:
        usable.add("both")
    return checks + _carry_out(PER_DATABASE, place, usable)


def _usable(place: Place, side: Side) -> bool:
    try:
        return replace(place, side=side).session is not None
    except Exception:  # the check before this one has said why
        return False


def _carry_out(rules: Iterable[Rule], place: Place, sides: set[Side]) -> list[Check]:
    """The checks of `rules` on those of their sides that are among `sides`."""
    checks = []
    for rule in rules:
        for side in rule.sides:
            if side in sides and (found := _look(rule, replace(place, side=side))):
                checks.append(_named(found, rule.name, place.database, side))
    return checks


def _named(found: Finding, name: str, database: str | None, side: Side) -> Check:
    return Check(
        name, database, side, found.status, found.observed, found.needed, found.remedy, found.objects
    )


def _look(rule: Rule, place: Place) -> Finding | None:
    try:
        return rule.look(place)
    except Exception as error:
        message = redact(str(error).strip(), place.source.conninfo, place.copy.conninfo)
        first = message.splitlines()[0] if message else type(error).__name__
        return Finding(
            "failed",
            f"could not be carried out: {first}",
            "an answer from the server",
            "Remove the cause the server names (its log has the details), then run the checks again.",
        )
