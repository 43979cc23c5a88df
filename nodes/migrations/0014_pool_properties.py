"""A pool's own values of properties, and which pool a change is about."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('nodes', '0013_properties'),
    ]

    operations = [
        migrations.AddField(
            model_name='storagepool',
            name='own_properties',
            field=models.JSONField(blank=True, default=dict),
        ),
        migrations.AddField(
            model_name='propertychange',
            name='pool',
            field=models.BigIntegerField(null=True),
        ),
        migrations.AlterField(
            model_name='propertychange',
            name='about',
            field=models.CharField(max_length=160),
        ),
    ]
