"""PostgreSQL, with a flush between tests that also empties what the product never lets anybody empty."""

from django.db.backends.postgresql import base, operations

_APPEND_ONLY = ("tracking_journalentry", "nodes_propertychange")


class DatabaseOperations(operations.DatabaseOperations):
    def sql_flush(self, style, tables, *, reset_sequences=False, allow_cascade=False):
        flush = super().sql_flush(style, tables, reset_sequences=reset_sequences, allow_cascade=True)
        return [*_switched("disable"), *flush, *_switched("enable")]


def _switched(how):
    return [f"alter table {table} {how} trigger append_only" for table in _APPEND_ONLY]


class DatabaseWrapper(base.DatabaseWrapper):
    ops_class = DatabaseOperations
