"""Who answers: Django for HTTP, the live page's consumers for sockets, the engine for its channel."""

import os

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "mwaportal.settings")
http = get_asgi_application()  # before anything that imports models

from channels.auth import AuthMiddlewareStack  # noqa: E402
from channels.routing import ChannelNameRouter, ProtocolTypeRouter, URLRouter  # noqa: E402
from channels.security.websocket import AllowedHostsOriginValidator  # noqa: E402

from tracking.consumers import EngineConsumer  # noqa: E402
from tracking.routing import sockets  # noqa: E402

from .doorbell import ENGINE  # noqa: E402

application = ProtocolTypeRouter(
    {
        "http": http,
        "websocket": AllowedHostsOriginValidator(AuthMiddlewareStack(URLRouter(sockets))),
        "channel": ChannelNameRouter({ENGINE: EngineConsumer.as_asgi()}),
    }
)
