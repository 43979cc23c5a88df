"""Proof that a pair is in step after many changes of its definitions."""

import difflib
import re

from nodes.postgres import publication
from nodes.postgres.connect import one
from tests.definitions import schema
from tests.mirror import content
from tracking.models import DefinitionEntry

_LAST = "select coalesce(max(id), 0) from mwa.definition_changes where origin = mwa.node()"
# What IN becomes over varchar is read again in another form than it was written; pg_dump does no better.
_CAST_ARRAY = re.compile(r"\(ARRAY\[((?:[^][']|'(?:[^']|'')*')*)\]\)::text\[\]")
_ELEMENT = re.compile(r"'(?:[^']|'')*'::character varying(?:\(\d+\))?")
_FAILED = (
    "select concat_ws(' ', command, identity, failure, carry_failure) from mwa.definition_changes where "
)


def failures(engine) -> list[str]:
    """What could not be noted on the primary, or not be carried out on the secondary."""
    conditions = ((engine.database.source, "failure <> ''"), (engine.database.copy, "carry_failure <> ''"))
    return [row[0] for node, failed in conditions for row in node.execute(_FAILED + failed).fetchall()]


def in_step(engine, seconds: float = 120) -> None:
    """Wait until all is carried and published; nothing has failed, and both nodes are the same."""
    source, copy = engine.database.source, engine.database.copy

    def carried() -> bool:
        assert not DefinitionEntry.objects.by_hand().exists(), "\n".join(failures(engine))
        return engine.pool.definitions_seen == one(source, _LAST) and not DefinitionEntry.objects.exists()

    def joined() -> bool:
        return engine.pool.replicating and not publication.unpublished(source)

    engine.until("the definitions", carried, seconds)
    engine.until("the new tables", joined, seconds)
    engine.until("the rows", lambda: content(source) == content(copy), seconds)
    assert not failures(engine), "\n".join(failures(engine))
    assert not difference(engine), "\n".join(difference(engine))


def difference(engine) -> list[str]:
    """What pg_dump says of the one node and not of the other."""
    conninfos = (engine.database.source_conninfo, engine.database.copy_conninfo)
    both = ([_CAST_ARRAY.sub(_as_read_again, line) for line in schema(each)] for each in conninfos)
    return list(difflib.unified_diff(*both, "source", "copy", n=0, lineterm=""))


def _as_read_again(found: "re.Match[str]") -> str:
    elements = _ELEMENT.sub(lambda element: f"({element[0]})::text", found[1])
    return f"ARRAY[{elements}]"
