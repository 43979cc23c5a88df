"""The replication criteria list on a node: which objects are mirrored, by the most specific rule.

Db2 Mirror's precedence (IBM documentation, "Replication criteria list"): a rule for the object, then for its
type in its schema, then for the schema, then for the pool. An object that no rule is about is included. What
an object is now is in mwa.known; the rules are in mwa.criteria (definitions/criteria.sql), on both nodes.
"""

from collections.abc import Collection
from dataclasses import dataclass

from . import catalog
from .catalog import Sequence, Table
from .connect import Connection, one

INCLUDE, EXCLUDE, DEFINITION = "INCLUDE", "EXCLUDE", "DEFINITION"
HELD_BACK = "HELD BACK"  # no rule's word: the table's definition could not be carried (held_back.sql)
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
_UNMIRRORED = "select schema_name, name from mwa.unmirrored() where inclusion = any(%s)"
_RESOLVED = """
    select mwa.resolve(r.rules, a, b, c) from (select mwa.active_criteria() as rules) r,
    unnest(%s::text[], %s::text[], %s::text[]) with ordinality u(a, b, c, n) order by n
"""
_READ = "select inclusion, schema_name, object_type, object_name from mwa.criteria order by 2, 3, 4"
RULES = "unnest(%s::text[], %s::text[], %s::text[], %s::text[]) as u(a, b, c, d)"
_PUT = f"insert into mwa.criteria (inclusion, schema_name, object_type, object_name) select * from {RULES}"


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


def put(connection: Connection, rules: Collection[Rule]) -> None:
    """Make these the rules of a node; what its objects are by them is written down as well."""
    with connection.transaction():
        write(connection, rules)
        connection.execute("select mwa.apply_criteria()")


def read(connection: Connection) -> list[Rule]:
    """The rules of a node."""
    return [Rule(*row) for row in connection.execute(_READ).fetchall()]


def unmirrored(
    connection: Connection, *, inclusions: Collection[str] = (EXCLUDE, DEFINITION, HELD_BACK)
) -> set[tuple[str, str]]:
    """Tables, sequences and views whose contents are not mirrored, as (schema, name)."""
    if not one(connection, _OURS):
        return set()
    rows = connection.execute(_UNMIRRORED, (list(inclusions),)).fetchall()
    return {(schema, name) for schema, name in rows}


def left_out(connection: Connection) -> set[tuple[str, str]]:
    """Those of them that a rule leaves out: nobody expects the same on both nodes."""
    return unmirrored(connection, inclusions=(EXCLUDE, DEFINITION))


def excluded(connection: Connection) -> set[tuple[str, str]]:
    """Those of them that are not to be on the secondary at all."""
    return unmirrored(connection, inclusions=(EXCLUDE,))


def tables(connection: Connection) -> list[Table]:
    """The tables with rows of their own that are mirrored."""
    out = unmirrored(connection)
    return [table for table in catalog.tables(connection) if (table.schema, table.name) not in out]


def sequences(connection: Connection) -> list[Sequence]:
    """The sequences whose values are mirrored."""
    out = unmirrored(connection)
    return [each for each in catalog.sequences(connection) if (each.schema, each.name) not in out]


def resolve(connection: Connection, objects: Collection[tuple[str, str, str]]) -> list[str]:
    """What objects are that no event trigger sees, given as (schema, type, name)."""
    if not one(connection, _OURS):
        return [INCLUDE] * len(objects)
    columns: list[list[str]] = [[each[number] for each in objects] for number in range(3)]
    return [row[0] for row in connection.execute(_RESOLVED, columns).fetchall()]


def write(connection: Connection, rules: Collection[Rule]) -> None:
    """Only the rules: what objects were by the old ones still stands in mwa.known."""
    connection.execute("delete from mwa.criteria")
    connection.execute(_PUT, columns(rules))


def columns(rules: Collection[Rule]) -> list[list[str]]:
    """For four arrays: inclusions, schemas, types, names."""
    rows = [(rule.inclusion, *rule.scope) for rule in rules]
    return [[row[number] for row in rows] for number in range(4)]
