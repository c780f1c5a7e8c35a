"""The entry of an ASGI server; the stream process (server-sent events) will run on it."""

import os

from django.core.asgi import get_asgi_application

from offload_admin.env import Environment

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "offload_admin.settings")
for _name in ("DATABASE_URL", "REDIS_URL"):
    Environment().text(_name)

application = get_asgi_application()
