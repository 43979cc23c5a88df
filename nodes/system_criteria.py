"""Rules of the replication criteria list that nobody has made; qsys2/mirror.sql has the same ones."""

from dataclasses import dataclass

from nodes.postgres.criteria import EXCLUDE, INCLUDE


@dataclass(frozen=True)
class SystemRule:
    """A rule that nobody can remove. `why` is for people; `number` identifies it, 0 and below."""

    number: int
    inclusion: str
    schema: str
    object_type: str
    why: str
    restricted: bool = True  # whether no rule of a user overrides it


_POSTGRESQL = "PostgreSQL's own: each node has its own"
DEFAULT = SystemRule(0, INCLUDE, "", "", "what no other rule is about", restricted=False)
RESTRICTED = (
    SystemRule(-1, EXCLUDE, "pg_catalog", "", _POSTGRESQL),
    SystemRule(-2, EXCLUDE, "information_schema", "", _POSTGRESQL),
    SystemRule(-3, EXCLUDE, "pg_toast", "", "goes with the tables whose long values it holds"),
    SystemRule(-4, EXCLUDE, "mwa", "", "what a migration keeps on the nodes"),
    SystemRule(-5, INCLUDE, "", "schema", "other objects are named in terms of it"),
    SystemRule(-6, INCLUDE, "", "role", "other objects are named in terms of it"),
    SystemRule(-7, INCLUDE, "", "role membership", "goes with the role"),
    SystemRule(-8, INCLUDE, "", "member of an extension", "comes with its extension, whatever its schema"),
)
ELSEWHERE = ("schema", "role", "role membership")  # those that are in no schema
SCHEMAS = {rule.schema: rule for rule in RESTRICTED if rule.schema}
