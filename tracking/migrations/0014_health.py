"""Health of nodes with alerts, and the flight recorder."""

import django.core.validators
import django.db.models.deletion
import django.utils.timezone
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('nodes', '0010_node_files'),
        ('tracking', '0013_phases'),
    ]

    operations = [
        migrations.CreateModel(
            name='FileRoom',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('path', models.TextField()),
                ('total_bytes', models.BigIntegerField(null=True)),
                ('free_bytes', models.BigIntegerField(null=True)),
                ('error', models.TextField(blank=True)),
                ('measured_at', models.DateTimeField(null=True)),
                ('root', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, related_name='room', to='nodes.fileroot')),
            ],
        ),
        migrations.CreateModel(
            name='HealthSettings',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('critical_seconds', models.PositiveSmallIntegerField(default=10, help_text='Seconds between two looks at nodes, slots, log, transactions and free space.', validators=[django.core.validators.MinValueValidator(1), django.core.validators.MaxValueValidator(3600)], verbose_name='Critical check interval')),
                ('normal_seconds', models.PositiveIntegerField(default=60, help_text='Seconds between two looks at the sizes of databases and at the room of file roots.', validators=[django.core.validators.MinValueValidator(1), django.core.validators.MaxValueValidator(86400)], verbose_name='Normal check interval')),
                ('silent_seconds', models.FloatField(blank=True, default=15, help_text='Seconds without an answer.', null=True, validators=[django.core.validators.MinValueValidator(1), django.core.validators.MaxValueValidator(86400)], verbose_name='Node does not answer')),
                ('storage_percent', models.FloatField(blank=True, default=5, help_text='Percent of a volume that have to be free.', null=True, validators=[django.core.validators.MinValueValidator(0), django.core.validators.MaxValueValidator(99)], verbose_name='Storage')),
                ('held_bytes', models.FloatField(blank=True, default=2147483648, help_text='Bytes that a slot may hold, ours or another.', null=True, validators=[django.core.validators.MinValueValidator(1), django.core.validators.MaxValueValidator(4611686018427387904)], verbose_name='Log held')),
                ('lag_bytes', models.FloatField(blank=True, default=134217728, help_text='Bytes that a pool may be behind.', null=True, validators=[django.core.validators.MinValueValidator(1), django.core.validators.MaxValueValidator(4611686018427387904)], verbose_name='Lag')),
                ('clock_seconds', models.FloatField(blank=True, default=1, help_text='Seconds between the two nodes.', null=True, validators=[django.core.validators.MinValueValidator(0.001), django.core.validators.MaxValueValidator(86400)], verbose_name='Clock difference')),
                ('transaction_seconds', models.FloatField(blank=True, default=600, help_text="Seconds, of others' transactions.", null=True, validators=[django.core.validators.MinValueValidator(1), django.core.validators.MaxValueValidator(100000000)], verbose_name='Transaction age')),
                ('connections_percent', models.FloatField(blank=True, default=90, help_text='Percent of max_connections in use.', null=True, validators=[django.core.validators.MinValueValidator(1), django.core.validators.MaxValueValidator(100)], verbose_name='Connections')),
                ('pair', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, related_name='health_settings', to='nodes.pair')),
            ],
        ),
        migrations.CreateModel(
            name='RecorderSettings',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('levels', models.JSONField(blank=True, default=dict)),
                ('retention_days', models.PositiveSmallIntegerField(default=7, validators=[django.core.validators.MinValueValidator(1), django.core.validators.MaxValueValidator(365)])),
                ('retention_lines', models.PositiveIntegerField(default=1000000, validators=[django.core.validators.MinValueValidator(1000), django.core.validators.MaxValueValidator(10000000)])),
                ('dropped', models.BigIntegerField(default=0)),
                ('dropped_at', models.DateTimeField(null=True)),
                ('pair', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, related_name='recorder_settings', to='nodes.pair')),
            ],
        ),
        migrations.CreateModel(
            name='Alert',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('key', models.TextField()),
                ('kind', models.CharField(choices=[('AWAY', 'Node does not answer'), ('STORAGE', 'Storage'), ('WAL', 'Log held by a slot'), ('SLOT', 'Slot lost or left over'), ('LAG', 'Lag'), ('CONNECTIONS', 'Connections'), ('TRANSACTION', 'Long transaction'), ('CLOCK', 'Clock difference')], max_length=12)),
                ('subject', models.TextField(blank=True)),
                ('text', models.TextField()),
                ('value', models.FloatField()),
                ('threshold', models.FloatField()),
                ('since', models.DateTimeField(default=django.utils.timezone.now)),
                ('seen_at', models.DateTimeField(default=django.utils.timezone.now)),
                ('ended_at', models.DateTimeField(null=True)),
                ('looks_within', models.PositiveSmallIntegerField(default=0)),
                ('acknowledged_by', models.CharField(blank=True, max_length=150)),
                ('acknowledged_at', models.DateTimeField(null=True)),
                ('node', models.ForeignKey(null=True, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='nodes.node')),
                ('pair', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='alerts', to='nodes.pair')),
            ],
            options={
                'ordering': ['-id'],
                'constraints': [models.UniqueConstraint(condition=models.Q(('ended_at__isnull', True)), fields=('pair', 'key'), name='an_alert_is_open_once')],
            },
        ),
        migrations.CreateModel(
            name='NodeHealth',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('asked_at', models.DateTimeField(default=django.utils.timezone.now)),
                ('measured_at', models.DateTimeField(null=True)),
                ('answers_since', models.DateTimeField(null=True)),
                ('silent_since', models.DateTimeField(null=True)),
                ('error', models.TextField(blank=True)),
                ('measured', models.JSONField(null=True)),
                ('node', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='health', to='nodes.node')),
                ('pair', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='node_health', to='nodes.pair')),
            ],
            options={
                'ordering': ['pair', 'node'],
                'constraints': [models.UniqueConstraint(fields=('pair', 'node'), name='health_of_a_node_once')],
            },
        ),
        migrations.CreateModel(
            name='RecorderLine',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('at', models.DateTimeField(default=django.utils.timezone.now)),
                ('place', models.TextField(blank=True)),
                ('component', models.CharField(choices=[('ENGINE', 'Engine'), ('CAPTURE', 'Capture'), ('COPY', 'System migration'), ('RESYNC', 'Synchronization'), ('DEFINITIONS', 'Definitions'), ('OTHERS', 'Other objects'), ('FILES', 'Files'), ('SWAP', 'Role swap'), ('COMPARE', 'Compare'), ('HEALTH', 'Health'), ('RECORDER', 'Flight recorder'), ('PORTAL', 'What people did')], max_length=12)),
                ('level', models.SmallIntegerField(choices=[(0, 'ERROR'), (1, 'WARNING'), (2, 'INFO'), (3, 'DETAIL')])),
                ('text', models.TextField()),
                ('seconds', models.FloatField(null=True)),
                ('pair', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='recorder_lines', to='nodes.pair')),
            ],
            options={
                'ordering': ['-at', '-id'],
                'indexes': [models.Index(models.F('pair'), models.F('at'), models.F('id'), name='recorder_time'), models.Index(models.F('pair'), models.F('component'), models.F('at'), models.F('id'), name='recorder_component'), models.Index(models.F('pair'), models.F('at'), models.F('id'), condition=models.Q(('level__lte', 1)), name='recorder_trouble')],
            },
        ),
    ]
