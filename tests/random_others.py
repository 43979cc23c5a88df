"""Random definitions of partitions, and of all that is not a table."""

from tests.random_world import FUNCTIONS, LABELS, OWN_TYPES, PARTITIONS, ROLES, Nothing, World


def new_partition(w: World) -> str:
    parent = w.table("p")
    name, low = f"{w.schema()}.{w.name('t')}", w.random.randrange(0, 4) * 1000
    bounds = "default" if w.chance(0.4) else f"for values from ({low}) to ({low + 1000})"
    if w.chance(0.15):
        return f"create table {name} partition of {parent} {bounds} partition by range (id)"
    return f"create table {name} partition of {parent} {bounds}"


def attach_partition(w: World) -> str:
    parent = w.table("p")
    name, low = f"{w.schema()}.{w.name('t')}", w.random.randrange(0, 6) * 1000
    more = f"insert into {name} select * from {parent} where false; " if w.chance(0.5) else ""
    return (
        f"create table {name} (like {parent} including all excluding identity); {more}"
        f"alter table {parent} attach partition {name} for values from ({low}) to ({low + 1000})"
    )


def detach_partition(w: World) -> str:
    parent, partition = w.one_of(w.all(PARTITIONS))
    return f"alter table {parent} detach partition {partition}"


def new_view(w: World) -> str:
    source = w.table("rpv")
    name = f"{w.schema()}.{w.name('v')}"
    columns = [c[0] for c in w.columns(source)] or ["1 as one"]
    pick = w.random.randrange(5)
    if pick == 0:
        return f"create view {name} as select * from {source}"
    if pick == 1:
        return (
            f"create view {name} as select a.*, (select count(*) from {w.table('rp')}) as n_ from {source} a"
        )
    if pick == 2:
        return f"create materialized view {name} as select {', '.join(columns[:3])} from {source}"
    if pick == 3:
        return f"create view {name} (first_) with (security_barrier) as select {columns[0]} from {source} where {columns[0]} is not null"
    return f"create view {name} as select {columns[-1]}, count(*) as n_ from {source} group by 1"


def change_view(w: World) -> str:
    view = w.table("v")
    return w.random.choice([
        f"drop view {view} cascade", f"alter view {view} rename to {w.name('v')}", f"alter view {view} set schema {w.schema()}",
        f"alter view {view} rename column {w.column(view)} to {w.name('c')}", f"comment on view {view} is 'v {w.number()}'",
        f"alter view {view} alter column {w.column(view)} set default null", f"alter view {view} set (security_invoker = true)",
        f"create or replace view {view} as select *, 1 as more_ from ({w.one_of(w.all('select rtrim(pg_get_viewdef(%s::regclass), %s)', view, ';'))}) x",
        f"grant select on {view} to {w.random.choice(ROLES)}", f"alter view {view} owner to {w.random.choice(ROLES)}",
    ])  # fmt: skip


def change_materialized_view(w: World) -> str:
    view = w.table("m")
    return w.random.choice([
        f"refresh materialized view {view}", f"drop materialized view {view} cascade",
        f"alter materialized view {view} rename to {w.name('m')}", f"refresh materialized view {view} with no data",
    ])  # fmt: skip


def new_function(w: World) -> str:
    name = f"{w.schema()}.{w.name('f')}"
    pick = w.random.randrange(4)
    if pick == 0:
        return (
            f"create function {name}() returns trigger language plpgsql as"
            f" $$ begin /* {w.number()} */ return coalesce(new, old); end $$"
        )
    if pick == 1:
        return f"create function {name}(i int) returns int language sql immutable begin atomic select i + {w.number()}; end"
    if pick == 2:
        return (
            f"create function {name}() returns bigint language sql as $$ select count(*) from {w.table()} $$"
        )
    return f"create function {name}(i int) returns int language sql immutable as 'select i + {w.number()}'"


def change_function(w: World) -> str:
    function = w.one_of(w.all(FUNCTIONS, "int4") + w.all(FUNCTIONS, "trigger"))
    table = w.table()
    choices = [
        f"drop function {function} cascade", f"alter function {function} rename to {w.name('f')}",
        f"alter function {function} set schema {w.schema()}", f"comment on function {function} is 'f {w.number()}'",
        f"alter function {function} cost {w.number()}", f"grant execute on function {function} to {w.random.choice(ROLES)}",
    ]  # fmt: skip
    # Not in a generated column: rows that come anew would have what a function gives that was replaced since.
    if function.endswith("(integer)"):
        called = function.removesuffix("(integer)")
        choices += [
            f"create or replace function {called}(i int) returns int language sql immutable as 'select i - {w.number()}'",
            f"alter table {table} alter column {w.column(table, 'N')} set default {called}({w.number()})",
            f"alter table {table} add column {w.name('c')} int default {called}({w.number()})",
            f"create index {w.name('i')} on {table} ({called}({w.column(table, 'N')}::int))",
        ]  # fmt: skip
    return w.random.choice(choices)


def new_type(w: World) -> str:
    name = f"{w.schema()}.{w.name('e')}"
    return w.random.choice([
        f"create type {name} as enum ('one', 'it''s', 'three')", f"create domain {name} as int check (value < 100000)",
        f"create domain {name} as text not null default 'd'", f"create type {name} as (a int, b text)",
        f"create domain {name} as int default 5",
    ])  # fmt: skip


def change_enum(w: World) -> str:
    name = w.one_of(w.all(OWN_TYPES, "e"))
    label = w.one_of(w.all(LABELS, name))
    return w.random.choice([
        f"alter type {name} add value 'new {w.number()}'", f"alter type {name} add value 'new {w.number()}' before {label}",
        f"alter type {name} add value if not exists 'one'", f"alter type {name} rename value {label} to 'was {w.number()}'",
        f"alter type {name} rename to {w.name('e')}", f"drop type {name} cascade", f"alter type {name} set schema {w.schema()}",
        f"comment on type {name} is 'e {w.number()}'",
    ])  # fmt: skip


def change_domain(w: World) -> str:
    name = w.one_of(w.all(OWN_TYPES, "d"))
    return w.random.choice([
        f"alter domain {name} add constraint {w.name('k')} check (value is not null or true)",
        f"alter domain {name} set default '8'", f"alter domain {name} drop default", f"alter domain {name} drop not null",
        f"alter domain {name} rename to {w.name('e')}", f"drop domain {name}", f"alter domain {name} set not null",
    ])  # fmt: skip


def sequence(w: World) -> str:
    if w.chance(0.3):
        return f"create sequence {w.schema()}.{w.name('q')} start {w.number()} increment {w.random.choice([1, 5])}"
    name, table = w.table("S"), w.table()
    return w.random.choice([
        f"alter sequence {name} increment by {w.number()}", f"alter sequence {name} rename to {w.name('q')}",
        f"alter table {table} alter column {w.column(table, 'N')} set default nextval('{name}')",
        f"alter sequence {name} owned by {table}.{w.column(table)}", f"alter sequence {name} owned by none",
        f"drop sequence {name} cascade", f"alter sequence {name} cache {w.number()}", f"select nextval('{name}')",
        f"alter sequence {name} set schema {w.schema()}", f"alter sequence {name} restart with {w.number()}",
    ])  # fmt: skip


def schema(w: World) -> str:
    name = w.one_of([s for s in (w.schema() for _ in range(5)) if s != "public"])
    return w.random.choice([
        f"create schema {w.name('s')}", f"create schema {w.name('s')}", f"alter schema {name} rename to {w.name('s')}",
        f"drop schema {name} cascade", f"comment on schema {name} is 's {w.number()}'",
        f"grant usage on schema {name} to {w.random.choice(ROLES)}", f"drop schema {name}",
    ])  # fmt: skip


def privilege(w: World) -> str:
    table, role = w.table("rpv"), w.random.choice([*ROLES, "public"])
    if role == w.all("select relowner::regrole::text from pg_class where oid = %s::regclass", table)[0]:
        raise Nothing  # a newer server has more of them to take from an owner
    what = w.random.choice(["select", "insert, update", "all", f"select ({w.column(table)})"])
    return w.random.choice([
        f"grant {what} on {table} to {role}", f"grant {what} on {table} to {role}", f"revoke {what} on {table} from {role}",
        f"grant select on all tables in schema {w.schema()} to {role}", f"revoke all on {table} from {role}",
    ])  # fmt: skip
