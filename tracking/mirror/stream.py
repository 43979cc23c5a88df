"""A logical replication connection through libpq: start, read, report progress.

Protocol: PostgreSQL documentation, "Streaming Replication Protocol" (messages w, k and r).
"""

import select
import struct
from collections.abc import Iterator
from types import TracebackType

import psycopg
from psycopg import pq, sql

from nodes.postgres.connect import Unreachable, describe, session_conninfo

_STATUS = struct.Struct("!cqqqqb")
_POSITION = struct.Struct("!q")
HEADER_BYTES = 1 + 3 * _POSITION.size  # what stands before the plugin's own data in an XLogData message

_BATCH = 20_000
# Looks for the next message before one sleeps: the sender, who is the slower one, pays for each wake-up.
_TRIES = 20


class StreamBroken(Exception):
    """The server ended the stream, or the connection is gone; the message is the server's."""


class LogicalStream:
    """The changes of one slot, as pgoutput messages, from its confirmed position on.

    `received` is the position before which, by the server's last keepalive, nothing is left to send.
    """

    def __init__(self, conninfo: str, slot: str, publication: str) -> None:
        self.received = 0
        try:
            self._connection = psycopg.connect(
                session_conninfo(conninfo, "capture") + " replication=database", autocommit=True
            )
        except psycopg.OperationalError as error:
            raise Unreachable(f"{describe(conninfo)}: {str(error).strip()}") from error
        self._pgconn = self._connection.pgconn
        command = sql.SQL(
            "START_REPLICATION SLOT {} LOGICAL 0/0 (proto_version '1', publication_names {}, messages 'true')"
        ).format(sql.Identifier(slot), sql.Literal(f'"{publication}"'))
        result = self._pgconn.exec_(command.as_bytes(self._connection))
        if result.status != pq.ExecStatus.COPY_BOTH:
            message = result.error_message.decode().strip()
            self.close()
            raise StreamBroken(f"slot {slot}: {message}")

    def messages(self, seconds: float, also: int | None) -> Iterator[memoryview]:
        """The messages that are there, at most `_BATCH` of them.

        Waits at most `seconds` for the first, and not at all once the file descriptor `also` can be
        read. Each is a whole XLogData message: its header of `HEADER_BYTES`, then pgoutput's data.
        """
        get = self._pgconn.get_copy_data
        size, data = get(1)
        if size == 0:
            self._wait(seconds, also)
            size, data = get(1)
        for left in range(_BATCH, 0, -1):
            if size <= 0:
                break
            if data[0] == 0x77:  # w: data
                yield data
            elif data[0] == 0x6B:  # k: keepalive; everything before its position has been sent
                self.received = max(self.received, _POSITION.unpack_from(data, 1)[0])
            if left == 1:
                return  # what is taken from the connection must be given: the next one stays there
            size, data = get(1)
            tries = 0
            while size == 0 and tries < _TRIES:
                self._pgconn.consume_input()
                size, data = get(1)
                tries += 1
        if size < 0:
            raise StreamBroken(self._pgconn.error_message.decode().strip() or "the stream has ended")

    def confirm(self, position: int, *, reply: bool = False) -> None:
        """Tell the server that everything before `position` is durable here, so its WAL may go."""
        message = _STATUS.pack(b"r", position, position, position, 0, int(reply))
        self._pgconn.put_copy_data(message)
        self._pgconn.flush()

    def close(self) -> None:
        """End the stream; the slot is free as soon as the server has noticed."""
        self._connection.close()

    def _wait(self, seconds: float, also: int | None) -> None:
        select.select([self._pgconn.socket, *([] if also is None else [also])], [], [], seconds)
        try:
            self._pgconn.consume_input()
        except psycopg.OperationalError as error:
            raise StreamBroken(str(error).strip()) from error

    def __enter__(self) -> "LogicalStream":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
