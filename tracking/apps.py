from django.apps import AppConfig
from django.db.models.signals import post_migrate, pre_migrate


class TrackingConfig(AppConfig):
    name = "tracking"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from . import qsys2

        pre_migrate.connect(qsys2.take_away, sender=self)
        post_migrate.connect(qsys2.put, sender=self)
