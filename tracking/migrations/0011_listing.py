"""What the pages of the lists read: how much is on each, and an index for each way of sorting one."""

from pathlib import Path

from django.db import migrations, models

_HERE = Path(__file__).resolve().parents[1] / "listing"


class Migration(migrations.Migration):
    dependencies = [("tracking", "0010_files")]

    operations = [
        migrations.RunSQL(
            (_HERE / "counts.sql").read_text() + (_HERE / "views.sql").read_text(),
            (_HERE / "undo.sql").read_text(),
        ),
        migrations.CreateModel(
            name="ListTotal",
            fields=[
                ("owner", models.TextField(primary_key=True, serialize=False)),
                ("list", models.TextField()),
                ("state", models.TextField()),
                ("set_aside", models.TextField()),
                ("object_type", models.TextField()),
                ("waits", models.BooleanField()),
                ("entries", models.BigIntegerField()),
            ],
            options={"db_table": "tracking_listtotal", "managed": False},
        ),
    ]
