from django.apps import apps
from django.core.management.base import BaseCommand, CommandError
from django.db import transaction

from mwaportal.secretbox import EncryptedTextField, WrongCredentialKey, reseal


class Command(BaseCommand):
    help = (
        "Encrypt every stored connection string with the first key of MWA_CREDENTIAL_KEY (or of"
        " .mwa/credential_key). Put the new key first and keep the old one behind a comma, run this,"
        " restart the portal, then remove the old key."
    )

    @transaction.atomic
    def handle(self, **options):
        count = 0
        for model in apps.get_models():
            names = [f.attname for f in model._meta.fields if isinstance(f, EncryptedTextField)]
            for row in model._default_manager.select_for_update() if names else ():
                for name in names:
                    try:
                        setattr(row, name, reseal(vars(row)[name]))
                    except WrongCredentialKey as error:
                        raise CommandError(f"{name} of {row}: {error}; nothing was changed") from error
                row.save(update_fields=names)
                count += 1
        self.stdout.write(f"{count} rows are encrypted with the first key")
