"""The lists that the capture processes write, and what keeps the journal append-only."""

from pathlib import Path

from django.db import migrations

_HERE = Path(__file__).resolve().parents[1]

_UNDO = """
    drop trigger append_only on tracking_journalentry;
    drop table tracking_capturedposition, tracking_trackedkey, tracking_trackedtable;
    drop function tracking_forget_keys(), tracking_refuse_change();
"""


class Migration(migrations.Migration):
    dependencies = [("tracking", "0001_initial")]

    operations = [
        migrations.RunSQL(
            (_HERE / "mirror" / "list.sql").read_text() + (_HERE / "constraints.sql").read_text(), _UNDO
        )
    ]
