import asyncio
import fcntl

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError

from mwaportal import doorbell, portaldb

_WATCH_SECONDS = 5.0


class Command(BaseCommand):
    help = "The whole portal in one process: database, migrations, pages, sockets and the engine."

    def add_arguments(self, parser):
        parser.add_argument("--host", default="127.0.0.1")
        parser.add_argument("--port", type=int, default=8000)
        parser.add_argument(
            "--no-worker", action="store_true", help="the engine runs elsewhere: runworker engine"
        )

    def handle(self, *, host, port, no_worker, **options):
        self.host, self.port, self.with_engine = host, port, not no_worker
        with (settings.HOME / "serve.lock").open("a") as lock:
            self.be_the_only_one(lock)
            portaldb.ensure_running()
            call_command("migrate", interactive=False, verbosity=0)
            call_command("collectstatic", interactive=False, verbosity=0)
            self.serve()

    def be_the_only_one(self, lock):
        """Two processes cannot share a channel layer that lives in memory."""
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if not settings.REDIS_URL:
                raise CommandError(
                    f"a portal is already being served from {settings.HOME};"
                    " a second process needs REDIS_URL in both"
                ) from None

    def serve(self):
        """Answer until SIGTERM or Ctrl-C; then let the engine come to a safe place."""
        from daphne.endpoints import build_endpoint_description_strings

        from mwaportal.asgi import application
        from mwaportal.patient import PatientServer

        server = PatientServer(
            application,
            endpoints=build_endpoint_description_strings(host=self.host, port=self.port),
            ready_callable=self.ready,
            server_name="mwa",
            # After a restart all open pages come back at once, and each is let in by way of the database.
            websocket_handshake_timeout=60,
            websocket_connect_timeout=60,
        )
        server.run()
        if server.abort_start:
            raise CommandError(f"cannot listen on {self.host}:{self.port}; is the port taken?")

    def ready(self):
        """Called by Daphne with its loop set and not yet running."""
        from twisted.internet import defer, reactor

        from mwaportal import worker

        loop = asyncio.get_event_loop()
        doorbell.register_loop(loop)
        tasks = [loop.create_task(worker.keep_running("the watch over the portal's database", watch))]
        if self.with_engine:
            tasks.append(loop.create_task(worker.listen()))

        async def shut_down():
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            if self.with_engine:
                await worker.drain()

        reactor.addSystemEventTrigger(
            "before", "shutdown", lambda: defer.Deferred.fromFuture(loop.create_task(shut_down()))
        )
        self.stdout.write(f"MWA Portal: http://{self.host}:{self.port}/")


async def watch():
    """Start the embedded server again should it have been killed."""
    while True:
        await asyncio.sleep(_WATCH_SECONDS)
        await asyncio.to_thread(portaldb.ensure_running)
