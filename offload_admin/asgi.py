"""The entry of the stream process: `granian --interface asgi offload_admin.asgi:application`."""

import os
import resource

import django

from offload_admin.env import Environment

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "offload_admin.settings")
for _name in ("DATABASE_URL", "REDIS_URL"):
    Environment().text(_name)

# A stream is an open file for minutes; the usual limit of 1,024 is for programs that have few.
_, _most = resource.getrlimit(resource.RLIMIT_NOFILE)
resource.setrlimit(resource.RLIMIT_NOFILE, (_most, _most))

django.setup(set_prefix=False)

from offload_admin.stream import serve as application  # noqa: E402 - needs Django to be set up

__all__ = ["application"]
