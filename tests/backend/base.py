"""PostgreSQL, with a flush between tests that also empties what the product never lets anybody empty.

And with an end of the test database that waits for nobody.
"""

from django.db.backends.postgresql import base, creation, operations


class DatabaseOperations(operations.DatabaseOperations):
    def sql_flush(self, style, tables, *, reset_sequences=False, allow_cascade=False):
        flush = super().sql_flush(style, tables, reset_sequences=reset_sequences, allow_cascade=True)
        switch = "alter table tracking_journalentry {} trigger append_only"
        return [switch.format("disable"), *flush, switch.format("enable")]


class DatabaseCreation(creation.DatabaseCreation):
    def _destroy_test_db(self, test_database_name, verbosity):
        name = self.connection.ops.quote_name(test_database_name)
        with self._nodb_cursor() as cursor:  # the threads of live pages keep their sessions
            cursor.execute(f"drop database {name} with (force)")


class DatabaseWrapper(base.DatabaseWrapper):
    ops_class = DatabaseOperations
    creation_class = DatabaseCreation
