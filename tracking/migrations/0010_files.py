"""The lists that the tracker of files and those who carry write, and compares of file roots."""

from pathlib import Path

import django.db.models.deletion
import django.utils.timezone
from django.db import migrations, models


_HERE = Path(__file__).resolve().parents[1]


class Migration(migrations.Migration):

    dependencies = [
        ('nodes', '0009_file_roots'),
        ('tracking', '0009_attempts'),
    ]

    operations = [
        migrations.RunSQL(
            (_HERE / "ifs" / "list.sql").read_text() + (_HERE / "file_constraints.sql").read_text(),
            "drop table tracking_filewatch, tracking_migratedfile, tracking_filechange",
        ),
        migrations.CreateModel(
            name='FileChange',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('turn', models.BigIntegerField()),
                ('path', models.BinaryField()),
                ('walk', models.BooleanField()),
                ('reason', models.TextField()),
                ('changes', models.BigIntegerField()),
                ('tries', models.IntegerField()),
                ('first_tracked_at', models.DateTimeField()),
                ('state', models.CharField(choices=[('PREPARING', 'Preparing'), ('READY', 'Ready'), ('MIGRATING', 'Migrating'), ('FAILED', 'Failed'), ('INELIGIBLE', 'By hand')], max_length=10)),
                ('object_type', models.TextField()),
                ('started_at', models.DateTimeField(null=True)),
                ('failure', models.TextField()),
                ('failure_job', models.TextField()),
                ('set_aside', models.CharField(choices=[('OMITTED', 'Omitted'), ('DEFERRED', 'Deferred')], max_length=8)),
                ('set_aside_at', models.DateTimeField(null=True)),
                ('set_aside_by', models.TextField()),
            ],
            options={
                'db_table': 'tracking_filechange',
                'ordering': ['root', 'turn'],
                'managed': False,
            },
        ),
        migrations.CreateModel(
            name='FileWatch',
            fields=[
                ('root', models.OneToOneField(on_delete=django.db.models.deletion.DO_NOTHING, primary_key=True, related_name='watch', serialize=False, to='nodes.fileroot')),
                ('way', models.TextField()),
                ('state', models.TextField()),
                ('reason', models.TextField()),
                ('directories', models.BigIntegerField()),
                ('unwatched', models.BigIntegerField()),
                ('listed_at', models.DateTimeField()),
            ],
            options={
                'db_table': 'tracking_filewatch',
                'managed': False,
            },
        ),
        migrations.CreateModel(
            name='MigratedFile',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('path', models.BinaryField()),
                ('object_type', models.TextField()),
                ('tracked_at', models.DateTimeField()),
                ('started_at', models.DateTimeField()),
                ('ended_at', models.DateTimeField()),
                ('size', models.BigIntegerField(null=True)),
                ('count', models.IntegerField()),
            ],
            options={
                'db_table': 'tracking_migratedfile',
                'ordering': ['-ended_at'],
                'managed': False,
            },
        ),
        migrations.CreateModel(
            name='FileCompare',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('content', models.BooleanField(default=True)),
                ('asked_at', models.DateTimeField(default=django.utils.timezone.now)),
                ('started_at', models.DateTimeField(null=True)),
                ('ended_at', models.DateTimeField(null=True)),
                ('verdict', models.CharField(blank=True, choices=[('DIFFERENT', 'Different'), ('NOT COMPARABLE', 'Not comparable'), ('EQUAL', 'Equal')], max_length=14)),
                ('objects_compared', models.BigIntegerField(default=0)),
                ('bytes_compared', models.BigIntegerField(default=0)),
                ('difference_count', models.BigIntegerField(default=0)),
                ('differences', models.JSONField(default=list)),
                ('message', models.TextField(blank=True)),
                ('root', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='compares', to='nodes.fileroot')),
            ],
            options={
                'ordering': ['-id'],
                'constraints': [models.UniqueConstraint(condition=models.Q(('ended_at__isnull', True)), fields=('root',), name='one_file_compare_at_a_time')],
            },
        ),
    ]
