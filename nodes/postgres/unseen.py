"""Settings under which a statement that holds a password leaves no trace in logs and statistics."""

from .connect import Connection

UNSEEN = {
    "log_statement": "none",
    "log_min_messages": "error",
    "log_min_duration_statement": "-1",
    "log_min_duration_sample": "-1",
    "log_transaction_sample_rate": "0",
    "log_min_error_statement": "panic",
    "log_error_verbosity": "terse",
    "pg_stat_statements.track": "none",
}


def leave_no_trace(connection: Connection, *, local: bool) -> None:
    """For the rest of the session, or (`local`) of the transaction."""
    for setting, value in UNSEEN.items():
        connection.execute("select set_config(%s, %s, %s)", (setting, value, local))
