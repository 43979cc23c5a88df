"""Listed keys in SQL: array literals taken apart into typed values, the same on every node."""

from psycopg import sql

from nodes.postgres.catalog import Table


def join(table: Table, key_columns: tuple[str, ...], keys: list[str]) -> sql.Composed:
    """`<keys> k on <t's key is k's>`, for a table with the alias t."""
    values = [
        sql.SQL("(k::text[])[{}]::{} as {}").format(
            number, sql.SQL(table.type_of(column)), sql.Identifier(f"k{number}")
        )
        for number, column in enumerate(key_columns, 1)
    ]
    # The operator of an extension's type is in whatever schema the extension is.
    equals = dict(zip(table.key, table.equals, strict=True))
    same = [
        sql.SQL("t.{} {} k.{}").format(
            sql.Identifier(column), sql.SQL(equals.get(column, "=")), sql.Identifier(f"k{number}")
        )
        for number, column in enumerate(key_columns, 1)
    ]
    return sql.SQL("(select {} from unnest({}::text[]) k) k on {}").format(
        sql.SQL(", ").join(values), sql.Literal(keys), sql.SQL(" and ").join(same)
    )
