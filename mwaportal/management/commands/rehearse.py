import json
from dataclasses import asdict

from django.conf import settings
from django.core.management.base import BaseCommand

from mwaportal.system.plant import Plant, wait_for
from mwaportal.system.rehearsal import Rehearsal


class Command(BaseCommand):
    help = "A whole migration under load, without a person; the last line is one JSON object."

    def add_arguments(self, parser):
        parser.add_argument("--rows", type=int, default=2_000_000)
        parser.add_argument("--pause", type=float, default=10)
        parser.add_argument("--rate", type=float, default=0, help="commits/s; 0 is as many as possible")
        parser.add_argument("--files", type=int, default=5_000, help="beside the database; 0 for none")
        parser.add_argument("--port", type=int, default=8001)

    def handle(self, *, rows, pause, rate, files, port, **options):
        plant = Plant(settings.HOME, rows, rate=rate, files=files, port=port)
        try:
            plant.build()
            rehearsal = Rehearsal(plant, self.stdout.write)
            plant.serve()
            plant.write()
            wait_for(plant, "the portal's page", plant.answers, 60)
            report = rehearsal.everything(pause)
        finally:
            plant.end()
        self.stdout.write(json.dumps(asdict(report)))
        if report.wrong:
            raise SystemExit(1)
