"""What a database of random statements holds at the moment, read from its catalogs."""

from random import Random

from nodes.postgres.connect import Connection

ROLES = ("random_writer", "random_reader")
SCHEMAS = ("public", "stock", '"We ird%"')
_OURS = "('pg_catalog', 'information_schema', 'mwa', 'pg_toast')"
_RELATIONS = f"""
    select format('%I.%I', n.nspname, c.relname) from pg_class c join pg_namespace n on n.oid = c.relnamespace
    where n.nspname not in {_OURS} and c.relkind::text = any(%s) and c.relpersistence <> 't' order by 1
"""
COLUMNS = """
    select quote_ident(a.attname), format_type(a.atttypid, null), t.typcategory::text, t.typtype::text,
           (select format('%%L::%%s', enumlabel, format_type(a.atttypid, null)) from pg_enum
            where enumtypid = a.atttypid order by enumsortorder limit 1),
           a.attgenerated <> '' or a.attidentity = 'a'
    from pg_attribute a join pg_type t on t.oid = a.atttypid
    where a.attrelid = %s::regclass and a.attnum > 0 and not a.attisdropped order by a.attnum
"""
CONSTRAINTS = "select quote_ident(conname) from pg_constraint where conrelid = %s::regclass and contype::text = any(%s) order by 1"
KEYS = """
    select quote_ident(a.attname) from pg_index i join pg_attribute a on a.attrelid = i.indrelid and a.attnum = any(i.indkey)
    where i.indrelid = %s::regclass and i.indisprimary order by 1
"""
INDEXES = f"""
    select format('%I.%I', n.nspname, c.relname) from pg_index i join pg_class c on c.oid = i.indexrelid
    join pg_namespace n on n.oid = c.relnamespace
    where n.nspname not in {_OURS} and not exists (select from pg_constraint where conindid = c.oid) order by 1
"""
OWN_TYPES = f"""
    select format('%I.%I', n.nspname, t.typname) from pg_type t join pg_namespace n on n.oid = t.typnamespace
    where n.nspname not in {_OURS} and t.typtype = %s and n.nspname not like 'pg_t%%' order by 1
"""
LABELS = "select quote_literal(enumlabel) from pg_enum where enumtypid = %s::regtype order by enumsortorder"
FUNCTIONS = f"""
    select p.oid::regprocedure::text from pg_proc p join pg_namespace n on n.oid = p.pronamespace
    where n.nspname not in {_OURS} and p.prorettype = %s::regtype order by 1
"""
PARTITIONS = """
    select i.inhparent::regclass::text, i.inhrelid::regclass::text from pg_inherits i join pg_class c on c.oid = i.inhrelid
    where c.relispartition and c.relkind in ('r', 'p') order by 1, 2
"""
IS_PARTITION = "select relispartition from pg_class where oid = %s::regclass"
HAS_BELOW = "select exists (select from pg_inherits where inhparent = %s::regclass)"
TRIGGERS = (
    "select quote_ident(tgname) from pg_trigger where tgrelid = %s::regclass and not tgisinternal order by 1"
)

TYPES = (
    "int", "bigint", "smallint", "text", "varchar(40)", "numeric(12,2)", "timestamptz", "date", "boolean",
    "jsonb", "uuid", "int[]", "double precision",
)  # fmt: skip


class World:
    """What there is, and a random choice of what comes next."""

    def __init__(self, session: Connection, random: Random) -> None:
        self.session = session
        self.random = random
        self.made = 0

    def all(self, query: str, *values) -> list:
        """The rows, those of one column as plain values."""
        query = query.replace("%I.%I", "%%I.%%I") if values else query
        rows = self.session.execute(query, values or None).fetchall()
        return [row[0] if len(row) == 1 else row for row in rows]

    def one_of(self, found):
        """Any of them; raises `Nothing` where there is none."""
        found = list(found)
        if not found:
            raise Nothing
        return self.random.choice(found)

    def name(self, kind: str) -> str:
        """A new one."""
        self.made += 1
        return f'"{kind} %I {self.made}"' if self.random.random() < 0.15 else f"{kind}{self.made}"

    def schema(self) -> str:
        """Any that is there."""
        weights = self.all(
            f"select quote_ident(nspname) from pg_namespace where nspname not in {_OURS} and nspname !~ '^pg_' order by 1"
        )
        return self.one_of([*weights, "public", "public"])

    def table(self, kinds: str = "rp") -> str:
        """Any."""
        return self.one_of(self.all(_RELATIONS, list(kinds)))

    def columns(self, table: str) -> list:
        """Of a table, with what is to be known of their types."""
        return self.all(COLUMNS, table)

    def column(self, table: str, categories: str = "") -> str:
        """Any."""
        return self.one_of([c[0] for c in self.columns(table) if not categories or c[2] in categories])

    def type(self) -> str:
        """Any, the application's own among them."""
        own = self.all(OWN_TYPES, "e") + self.all(OWN_TYPES, "d")
        return self.one_of(own) if own and self.random.random() < 0.25 else self.random.choice(TYPES)

    def chance(self, share: float) -> bool:
        """Yes in so many cases."""
        return self.random.random() < share

    def number(self) -> int:
        """A small one."""
        return self.random.randrange(1, 50)


class Nothing(Exception):
    """There is nothing that this could be done to."""
