"""What the pages of the lists read: how much is on each, and an index for each way of sorting one."""

from pathlib import Path

from django.db import migrations

_HERE = Path(__file__).resolve().parents[1] / "listing"


class Migration(migrations.Migration):
    dependencies = [("tracking", "0010_files")]

    operations = [
        migrations.RunSQL(
            (_HERE / "counts.sql").read_text() + (_HERE / "views.sql").read_text(),
            (_HERE / "undo.sql").read_text(),
        )
    ]
