"""The entry of the web server: `granian --interface wsgi offload_admin.wsgi:application`."""

import gc
import os

from django.core.wsgi import get_wsgi_application

from offload_admin.env import Environment

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "offload_admin.settings")
for _name in ("DATABASE_URL", "REDIS_URL"):
    Environment().text(_name)

application = get_wsgi_application()

# What is loaded by now stays: a full collection need not walk through it again and again.
gc.collect()
gc.freeze()
