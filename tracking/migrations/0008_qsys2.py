"""Empty: the views of schema qsys2 were made here, of the files as they were; now tracking/qsys2 makes them."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("nodes", "0007_names_of_steps"), ("tracking", "0007_other_objects")]

    operations = []
