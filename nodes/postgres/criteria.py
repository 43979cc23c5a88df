"""The replication criteria list on a node: which objects are mirrored, by the most specific rule.

Db2 Mirror's precedence (IBM documentation, "Replication criteria list"): a rule for the object, then for its
type in its schema, then for the schema, then for the pool. An object that no rule is about is included. What
an object is now is in mwa.known; the rules are in mwa.criteria (definitions/criteria.sql), on both nodes.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter

import psycopg

from . import catalog
from .catalog import Sequence, Table
from .connect import Connection, one

INCLUDE, EXCLUDE, DEFINITION = "INCLUDE", "EXCLUDE", "DEFINITION"
WITH_CONTENTS = ("table", "materialized view", "sequence")  # what DEFINITION is a word for
# What a rule can be about. A schema always travels, as do roles: others are named in terms of them.
IN_SCHEMAS = (
    "aggregate", "collation", "conversion", "foreign table", "function", "materialized view", "operator",
    "operator class", "operator family", "procedure", "sequence", "statistics object", "table",
    "text search configuration", "text search dictionary", "text search parser", "text search template",
    "type", "view",
)  # fmt: skip
ELSEWHERE = (
    "access method", "cast", "default acl", "event trigger", "extension", "foreign-data wrapper", "language",
    "large object", "publication", "security label", "server", "subscription", "transform", "user mapping",
)  # fmt: skip

_OURS = "select to_regclass('mwa.criteria') is not null"
_UNMIRRORED = "select schema_name, name from mwa.unmirrored()"
_PUT = """
    insert into mwa.criteria (inclusion, schema_name, object_type, object_name)
    select * from unnest(%s::text[], %s::text[], %s::text[], %s::text[])
"""
_PROPOSED = """
    array(select row(a, b, c, d)::mwa.criteria
          from unnest(%s::text[], %s::text[], %s::text[], %s::text[]) as u(a, b, c, d))
"""
_CHANGES = f"select * from mwa.would_change({_PROPOSED}) order by type, identity"
_NEEDED = f"select * from mwa.would_miss({_PROPOSED}) order by 1, 2"
_LIKE = """
    select array(select f.make from mwa.identify(a.classid, a.objid) i,
                 mwa.facets(a.classid, a.objid, i.type) f where f.make is not null order by f.rank, f.key)
    from pg_get_object_address(%s, %s, %s) a
"""
_EDGES = """
    select a.class, a.object, b.class, b.object
    from pg_depend d, mwa.stands_for(d.classid, d.objid) a, mwa.stands_for(d.refclassid, d.refobjid) b
    where d.objid >= 16384 and d.refobjid >= 16384 and (a.class, a.object) <> (b.class, b.object)
      and (a.class::bigint, a.object::bigint) in (select * from unnest(%(classes)s::bigint[], %(objects)s::bigint[]))
      and (b.class::bigint, b.object::bigint) in (select * from unnest(%(classes)s::bigint[], %(objects)s::bigint[]))
"""


class BadRule(ValueError):
    """A rule that no object could match; the message names the value seen and the value needed."""


@dataclass(frozen=True)
class Rule:
    """What is mirrored of all that has this schema, type and name; an empty one stands for all."""

    inclusion: str
    schema: str = ""
    object_type: str = ""
    name: str = ""

    @property
    def scope(self) -> tuple[str, str, str]:
        """What it is about: there is one rule for each."""
        return self.schema, self.object_type, self.name

    def check(self) -> None:
        """Raise `BadRule` where no object could match, or the inclusion has no meaning for the type."""
        types = IN_SCHEMAS if self.schema else ELSEWHERE
        if self.object_type and self.object_type not in types:
            where = "in a schema" if self.schema else "without a schema"
            raise BadRule(f"type is '{self.object_type}', needed {where} is one of {', '.join(types)}")
        if self.name and not self.object_type:
            raise BadRule(f"name is '{self.name}' without a type, needed is the type of the object as well")
        if self.inclusion == DEFINITION and self.object_type not in ("", *WITH_CONTENTS):
            raise BadRule(
                f"inclusion is DEFINITION for type '{self.object_type}', which has no contents;"
                f" needed is one of {', '.join(WITH_CONTENTS)}"
            )


@dataclass(frozen=True)
class Change:
    """An object whose inclusion would change; `effect` says what that means for the secondary."""

    object_type: str
    schema: str
    identity: str
    before: str
    after: str
    effect: str


@dataclass(frozen=True)
class Preview:
    """What a set of rules would change, and why it cannot be made active (empty where it can)."""

    changes: list[Change]
    refusals: list[str]
