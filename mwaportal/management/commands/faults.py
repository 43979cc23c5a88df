import json
import random

from django.conf import settings
from django.core.management.base import BaseCommand

from mwaportal.system.faults import run
from mwaportal.system.plant import Plant, wait_for


class Command(BaseCommand):
    help = "A migration under load while its processes and servers are killed; ends with one JSON object."

    def add_arguments(self, parser):
        parser.add_argument("--rounds", type=int, default=30)
        parser.add_argument("--seed", type=int, default=None)
        parser.add_argument("--rows", type=int, default=200_000)
        parser.add_argument("--rate", type=float, default=300)
        parser.add_argument("--files", type=int, default=1_000, help="beside the database; 0 for none")
        parser.add_argument("--port", type=int, default=8002)

    def handle(self, *, rounds, seed, rows, rate, files, port, **options):
        seed = random.randrange(10**6) if seed is None else seed
        self.stdout.write(f"ROUNDS={rounds} SEED={seed}")
        plant = Plant(settings.HOME, rows, rate=rate, files=files, port=port)
        try:
            plant.build()
            plant.serve()
            plant.write()
            wait_for(plant, "the portal's page", plant.answers, 60)
            report, faults, repairs = run(plant, rounds, seed, self.stdout.write)
        finally:
            plant.end()
        result = {
            "rounds": rounds, "faults": dict(faults.done), "acknowledged": report.acknowledged,
            "lost": report.lost, "duplicated": report.duplicated, "differences": report.differences,
            "files_acknowledged": report.files_acknowledged, "files_lost": report.files_lost,
            "file_differences": report.file_differences, "dangling_paths": report.dangling_paths,
            "manual_repairs": repairs,
        }  # fmt: skip
        self.stdout.write(json.dumps(result))
        if repairs or report.wrong:
            raise SystemExit(1)
