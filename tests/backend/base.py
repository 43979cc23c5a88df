"""PostgreSQL, with a flush between tests that also empties what the product never lets anybody empty."""

from django.db.backends.postgresql import base, operations


class DatabaseOperations(operations.DatabaseOperations):
    def sql_flush(self, style, tables, *, reset_sequences=False, allow_cascade=False):
        flush = super().sql_flush(style, tables, reset_sequences=reset_sequences, allow_cascade=True)
        switch = "alter table tracking_journalentry {} trigger append_only"
        return [switch.format("disable"), *flush, switch.format("enable")]


class DatabaseWrapper(base.DatabaseWrapper):
    ops_class = DatabaseOperations
