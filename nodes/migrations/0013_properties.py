"""Limits of a pair's properties, who has changed them, and which cluster a node is."""

from pathlib import Path

import django.core.validators
import django.utils.timezone
from django.db import migrations, models

_HERE = Path(__file__).resolve().parents[1]
_UNDO = "drop trigger append_only on nodes_propertychange; drop function nodes_refuse_change()"


class Migration(migrations.Migration):

    dependencies = [
        ('nodes', '0010_node_files'),
    ]

    operations = [
        migrations.AddField(
            model_name='node',
            name='identifier',
            field=models.BigIntegerField(editable=False, null=True),
        ),
        migrations.AddField(
            model_name='pair',
            name='asked_at',
            field=models.DateTimeField(editable=False, null=True),
        ),
        migrations.AlterField(
            model_name='pair',
            name='lag_limit_bytes',
            field=models.BigIntegerField(default=268435456, validators=[django.core.validators.MinValueValidator(1048576, 'is %(show_value)s, needed is at least %(limit_value)s'), django.core.validators.MaxValueValidator(1125899906842624, 'is %(show_value)s, needed is at most %(limit_value)s')]),
        ),
        migrations.AlterField(
            model_name='pair',
            name='parallel_degree',
            field=models.PositiveSmallIntegerField(default=2, validators=[django.core.validators.MinValueValidator(1, 'is %(show_value)s, needed is at least %(limit_value)s'), django.core.validators.MaxValueValidator(64, 'is %(show_value)s, needed is at most %(limit_value)s')]),
        ),
        migrations.AlterField(
            model_name='pair',
            name='savactwait_seconds',
            field=models.PositiveIntegerField(default=120, validators=[django.core.validators.MinValueValidator(1, 'is %(show_value)s, needed is at least %(limit_value)s'), django.core.validators.MaxValueValidator(86400, 'is %(show_value)s, needed is at most %(limit_value)s')]),
        ),
        migrations.AlterField(
            model_name='pair',
            name='suspend_wait_seconds',
            field=models.PositiveIntegerField(default=10, validators=[django.core.validators.MinValueValidator(1, 'is %(show_value)s, needed is at least %(limit_value)s'), django.core.validators.MaxValueValidator(3600, 'is %(show_value)s, needed is at most %(limit_value)s')]),
        ),
        migrations.AlterField(
            model_name='pair',
            name='swap_budget_ms',
            field=models.PositiveIntegerField(default=5000, validators=[django.core.validators.MinValueValidator(1, 'is %(show_value)s, needed is at least %(limit_value)s'), django.core.validators.MaxValueValidator(600000, 'is %(show_value)s, needed is at most %(limit_value)s')]),
        ),
        migrations.AlterField(
            model_name='pair',
            name='wal_limit_bytes',
            field=models.BigIntegerField(default=4294967296, validators=[django.core.validators.MinValueValidator(67108864, 'is %(show_value)s, needed is at least %(limit_value)s'), django.core.validators.MaxValueValidator(1125899906842624, 'is %(show_value)s, needed is at most %(limit_value)s')]),
        ),
        migrations.AlterField(
            model_name='pair',
            name='whole_share_percent',
            field=models.PositiveSmallIntegerField(default=30, validators=[django.core.validators.MinValueValidator(1, 'is %(show_value)s, needed is at least %(limit_value)s'), django.core.validators.MaxValueValidator(100, 'is %(show_value)s, needed is at most %(limit_value)s')]),
        ),
        migrations.CreateModel(
            name='PropertyChange',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('at', models.DateTimeField(default=django.utils.timezone.now)),
                ('by', models.CharField(max_length=150)),
                ('about', models.CharField(max_length=63)),
                ('key', models.CharField(max_length=16)),
                ('name', models.CharField(max_length=63)),
                ('before', models.TextField(blank=True)),
                ('after', models.TextField(blank=True)),
            ],
            options={
                'ordering': ['-id'],
                'indexes': [models.Index(fields=['key', '-id'], name='changes_of_one')],
            },
        ),
        migrations.RunSQL((_HERE / "changes.sql").read_text(), _UNDO),
    ]
