import signal
import time

from django.conf import settings
from django.core.management.base import BaseCommand

from mwaportal.system.plant import Plant, wait_for
from nodes.models import Pair
from tracking.models import Introduction

_TEXT = """
The portal is at {url}

    administrator   olga    {olga}
    approver        artur   {artur}

    (passwords for now: the next start makes new ones)

The shop of old-host (PostgreSQL 16) moves to new-host (PostgreSQL 18) while four writers go on,
and while an application writes files beside the database: below {files}, in old-host or new-host.
Watch it, pause it, compare it; ask for a role swap as olga, approve it as artur.
What the portal has to say is in {log}.
Ctrl-C stops everything; `make demo` goes on from there, `make demo FRESH=1` starts over.
"""


class Command(BaseCommand):
    help = "Two embedded nodes, a shop, those who write to it, and the portal: a migration to watch."

    def add_arguments(self, parser):
        parser.add_argument("--rows", type=int, default=3_000_000)
        parser.add_argument("--rate", type=float, default=500, help="commits/s of all writers together")
        parser.add_argument("--files", type=int, default=5_000, help="beside the database; 0 for none")
        parser.add_argument("--port", type=int, default=8000)

    def handle(self, *, rows, rate, files, port, **options):
        self.stopped = False
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self.stop)
        plant = Plant(settings.HOME, rows, rate=rate, files=files, port=port)
        try:
            self.stdout.write("starting two servers and filling the shop ...")
            plant.build()
            Introduction.objects.get_or_create(pair=plant.pair())
            plant.person("olga", "Administrators")
            plant.person("artur", "Approvers")
            plant.write()
            plant.serve()
            wait_for(plant, "the portal's page", plant.answers, 60)
            if plant.pair().goal == "":
                plant.pair().ask(Pair.Goal.SYNC)
            self.stdout.write(
                _TEXT.format(
                    url=plant.url,
                    log=settings.HOME / "portal.log",
                    files=plant.files_source.parent,
                    **plant.passwords,
                )
            )
            while not self.stopped:
                for name in plant.watch():
                    self.stdout.write(f"{name} ended; started again")
                time.sleep(0.5)
        finally:
            self.stdout.write("stopping ...")
            plant.end()

    def stop(self, number, frame):
        if self.stopped:
            raise KeyboardInterrupt
        self.stopped = True
