import time

from tracking.mirror import stream
from tracking.mirror.stream import HEADER_BYTES, LogicalStream

BATCH, ROWS = 50, 2_000


def test_no_message_is_lost_between_two_batches(mirror, monkeypatch):
    """The stream is never empty here: each batch ends while the next messages are there already."""
    monkeypatch.setattr(stream, "_BATCH", BATCH)
    mirror.begin("create table t (id int primary key)")
    mirror.database.source.execute("insert into t select generate_series(1, %s)", (ROWS,))
    inserted, batches = 0, []
    with LogicalStream(mirror.route.primary_conninfo, mirror.route.slot, mirror.route.publication) as changes:
        deadline = time.monotonic() + 20
        while inserted < ROWS and time.monotonic() < deadline:
            messages = list(changes.messages(0.05, None))
            batches.append(len(messages))
            inserted += sum(message[HEADER_BYTES] == ord("I") for message in messages)
    assert inserted == ROWS
    assert batches.count(BATCH) > ROWS / BATCH / 2
