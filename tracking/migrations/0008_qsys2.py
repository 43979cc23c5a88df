"""The views of IBM i's names in schema qsys2, and the role that may read them."""

from pathlib import Path

from django.db import migrations

_HERE = Path(__file__).resolve().parents[1] / "qsys2"
_FILES = ("manager.sql", "lists.sql", "mirror.sql", "reader.sql")

# The role stays: it belongs to the server, and another database or a person's login may depend on it.
_UNDO = "drop schema qsys2 cascade"


class Migration(migrations.Migration):
    dependencies = [("nodes", "0008_criteria"), ("tracking", "0007_other_objects")]

    operations = [migrations.RunSQL("".join((_HERE / name).read_text() for name in _FILES), _UNDO)]
