"""The Celery application; `celery -A offload_admin worker` and `… beat` find it here."""

import logging.config
import os
from typing import Any

import structlog
from celery import Celery, signals

from offload_admin.env import Environment

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "offload_admin.settings")

app = Celery("offload_admin")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


@signals.celeryd_init.connect
@signals.beat_init.connect
def require_services(**_: Any) -> None:
    """End a worker or beat that was started without its database and broker, in one line."""
    env = Environment()
    for name in ("DATABASE_URL", "REDIS_URL"):
        env.text(name)


@signals.setup_logging.connect
def set_up_logging(**_: Any) -> None:
    """Keep our log lines: Celery would otherwise install its own handlers."""
    from django.conf import settings  # noqa: PLC0415 - read once the settings are asked for

    logging.config.dictConfig(settings.LOGGING)


@signals.task_prerun.connect
def bind_task(task_id: str, task: Any, **_: Any) -> None:
    """Put the task's name and id on every line that it writes."""
    structlog.contextvars.clear_contextvars()
    structlog.contextvars.bind_contextvars(task=task.name, task_id=task_id)
