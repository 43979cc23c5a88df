"""Event triggers of the application's: no event trigger sees another."""

from dataclasses import dataclass

from psycopg import sql

from nodes.postgres.connect import Connection

from .carrying import run
from .difference import Difference, Key, Kind, changes

_TYPE = "EVENT TRIGGER"
_TRIGGERS = r"""
    select t.evtname::text, t.evtevent::text, coalesce(t.evttags, '{}'), n.nspname::text, p.proname::text,
           pg_get_userbyid(t.evtowner)::text, t.evtenabled::text, obj_description(t.oid, 'pg_event_trigger')
    from pg_catalog.pg_event_trigger t
    join pg_catalog.pg_proc p on p.oid = t.evtfoid join pg_catalog.pg_namespace n on n.oid = p.pronamespace
    where t.evtname !~ '^mwa_' and not exists (
        select from pg_catalog.pg_depend d
        where d.classid = 'pg_catalog.pg_event_trigger'::regclass and d.objid = t.oid and d.deptype = 'e')
    order by 1
"""
_ENABLED = {"O": "enable", "D": "disable", "R": "enable replica", "A": "enable always"}


@dataclass(frozen=True)
class EventTrigger:
    """What an event trigger is; `enabled` as in pg_event_trigger.evtenabled."""

    event: str
    tags: tuple[str, ...]
    schema: str
    function: str
    owner: str
    enabled: str
    comment: str | None

    @property
    def definition(self) -> tuple[object, ...]:
        """What cannot be altered."""
        return self.event, self.tags, self.schema, self.function


def find(primary: Connection, secondary: Connection) -> list[Difference]:
    """Those that are not the same, or not on both."""
    different = changes(_read(primary), _read(secondary), removed=True)
    return [Difference(_TYPE, "", key[0], change, key=key) for key, change in different]


def carry(difference: Difference, primary: Connection, secondary: Connection) -> None:
    """Make it anew where its definition differs, else alter it; drop it where the source has it no more."""
    wanted = _read(primary).get(difference.key)
    have = _read(secondary).get(difference.key)
    name = sql.Identifier(*difference.key)
    statements: list[sql.Composable] = []
    if have and (wanted is None or wanted.definition != have.definition):
        statements.append(sql.SQL("drop event trigger {}").format(name))
        have = None
    if wanted and wanted != have:
        statements += [] if have else [_create(name, wanted)]
        statements += [
            sql.SQL("alter event trigger {} owner to {}").format(name, sql.Identifier(wanted.owner)),
            sql.SQL("comment on event trigger {} is {}").format(name, sql.Literal(wanted.comment)),
            sql.SQL("alter event trigger {} " + _ENABLED[wanted.enabled]).format(name),
        ]
    run(secondary, statements)


KIND = Kind(_TYPE, find, carry)


def _read(connection: Connection) -> dict[Key, EventTrigger]:
    return {
        (row[0],): EventTrigger(row[1], tuple(sorted(row[2])), *row[3:])
        for row in connection.execute(_TRIGGERS).fetchall()
    }


def _create(name: sql.Identifier, wanted: EventTrigger) -> sql.Composable:
    tags = sql.SQL(", ").join(map(sql.Literal, wanted.tags))
    condition = sql.SQL(" when tag in ({})").format(tags) if wanted.tags else sql.SQL("")
    return sql.SQL("create event trigger {} on {}{} execute function {}()").format(
        name, sql.Identifier(wanted.event), condition, sql.Identifier(wanted.schema, wanted.function)
    )
