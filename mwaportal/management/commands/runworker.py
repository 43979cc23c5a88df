import asyncio
import contextlib

from channels.management.commands import runworker
from django.conf import settings
from django.core.management.base import CommandError

from mwaportal import doorbell, worker


class Command(runworker.Command):
    help = "Run the engine in a process of its own (channel 'engine'), on this or any other host."

    def handle(self, *args, **options):
        if options["channels"] != [doorbell.ENGINE]:
            raise CommandError(f"there is one channel to work on: runworker {doorbell.ENGINE}")
        if not settings.REDIS_URL:
            raise CommandError(
                "runworker needs REDIS_URL: the in-memory channel layer cannot be heard by another process"
            )
        with contextlib.suppress(KeyboardInterrupt):
            asyncio.run(self.work())

    async def work(self):
        doorbell.register_loop(asyncio.get_running_loop())
        try:
            await worker.listen()
        finally:
            await worker.drain()
