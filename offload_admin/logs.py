"""One log line per event, JSON or for people, with the request's id on every line."""

import logging
import re
import time
import uuid
from collections.abc import Callable
from typing import Any, Final

import structlog
from django.http import HttpRequest, HttpResponseBase

REQUEST_ID: Final = re.compile(r"[A-Za-z0-9._-]{8,64}")  # a caller's id that is safe to repeat
QUIET_PATHS: Final = frozenset({"/healthz", "/readyz"})  # probes say nothing worth a line
logger = structlog.stdlib.get_logger("offload_admin.requests")


def logging_config(*, log_format: str) -> dict[str, Any]:
    """Return Django's LOGGING for "json" or "console"; also sets structlog up, once.

    Times are UTC. Lines of the standard library's loggers and of structlog look the same.
    """
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.stdlib.ExtraAdder(),
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="at"),
    ]
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.PositionalArgumentsFormatter(),
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    last: list[structlog.typing.Processor] = (
        [structlog.processors.format_exc_info, structlog.processors.JSONRenderer(sort_keys=True)]
        if log_format == "json"
        else [
            structlog.dev.ConsoleRenderer(
                colors=False, exception_formatter=structlog.dev.plain_traceback
            )
        ]
    )
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {
            "line": {
                "()": structlog.stdlib.ProcessorFormatter,
                "foreign_pre_chain": shared,
                "processors": [
                    structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                    *last,
                ],
            }
        },
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
        "root": {"handlers": ["stderr"], "level": "INFO"},
        "loggers": {
            # Django's own handlers would print the same line twice or mail it.
            "django": {"handlers": [], "level": "INFO", "propagate": True},
            "django.server": {"handlers": [], "propagate": True},
            # A refused request is already one line of RequestLog.
            "django.request": {"level": "ERROR"},
            "celery": {"level": "INFO"},
            # Every sweep would be two lines each two seconds.
            "celery.beat": {"level": "WARNING"},
            "celery.worker.strategy": {"level": "WARNING"},
            "celery.app.trace": {"level": "WARNING"},
        },
    }


class RequestLog:
    """Gives every request an id (the caller's X-Request-ID if it is safe) and one line."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        """Wrap the next layer."""
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Bind the id, answer, write the line; static files and probes get none."""
        given = request.headers.get("X-Request-ID", "")
        request_id = given if REQUEST_ID.fullmatch(given) else uuid.uuid4().hex
        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(request_id=request_id)
        begun = time.perf_counter()
        response = self.get_response(request)
        response["X-Request-ID"] = request_id
        if request.path not in QUIET_PATHS and not request.path.startswith("/static/"):
            logger.log(
                logging.ERROR if response.status_code >= 500 else logging.INFO,  # noqa: PLR2004
                "request",
                method=request.method,
                path=request.path,
                status=response.status_code,
                milliseconds=int((time.perf_counter() - begun) * 10_000) / 10,
            )
        return response
