"""Random rows: new, changed and gone."""

from tests.random_world import KEYS, World

BY_CATEGORY = {
    "N": "(i % 90)", "S": "('v' || i)", "D": "(date '2024-01-01' + (i % 300)::int)", "B": "(i % 2 = 0)",
    "A": "array[i % 9]",
}  # fmt: skip
BY_TYPE = {"jsonb": "jsonb_build_object('n', i)", "uuid": "md5(i::text)::uuid"}


def value(column) -> str:
    """An expression over `i` for a column."""
    _, type_name, category, typtype, label, _ = column
    if label:
        return label
    if typtype == "d":
        return "'7'"
    return BY_TYPE.get(type_name) or BY_CATEGORY.get(category, "null")


def rows(w: World) -> str:
    """New ones, with any keys."""
    table = w.table()
    columns = [c for c in w.columns(table) if not c[5] and not w.chance(0.1)]
    start, count = w.random.randrange(0, 3000), w.random.randrange(1, 20)
    keys = w.all(KEYS, table)
    exprs = [f"{value(c)}" if c[0] not in keys or c[2] != "N" else "i" for c in columns]
    if not columns:
        return f"insert into {table} default values"
    return (
        f"insert into {table} ({', '.join(c[0] for c in columns)}) overriding system value"
        f" select {', '.join(exprs)} from generate_series({start}, {start + count}) i on conflict do nothing"
    )


def changed_rows(w: World) -> str:
    """Some of them, any column."""
    table = w.table()
    column = w.one_of(c for c in w.columns(table) if not c[5])
    filter = f"where ctid in (select ctid from {table} tablesample system (100) limit {w.number()})"
    if column[2] == "N" and column[0] in w.all(KEYS, table):
        return f"update {table} set {column[0]} = {column[0]} + {w.random.randrange(5000, 30000)} {filter}"
    expr = (
        value(column)
        .replace("i %", f"{w.number()} %")
        .replace("i)", f"{w.number()})")
        .replace("i::", f"{w.number()}::")
    )
    return f"update {table} set {column[0]} = {expr} {filter}"


def gone_rows(w: World) -> str:
    table = w.table()
    return f"delete from {table} where ctid in (select ctid from {table} limit {w.number() // 4 + 1})"


def emptied(w: World) -> str:
    return f"truncate {w.table()}{' cascade' if w.chance(0.5) else ''}"
