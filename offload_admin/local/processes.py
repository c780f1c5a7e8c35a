"""The processes of the product, as `make run` starts them."""

import sys
from collections.abc import Mapping

GRACE_SECONDS = 10  # for requests under way when the web process is told to stop
STREAM_GRACE_SECONDS = 1  # streams end with their process; Desktops listen again, each in its time
STREAMS_AT_MOST = 5_200  # requests at once: the limit of streams, and some to be refused


def process_commands(
    *, host: str, port: int, stream_port: int, web_threads: int
) -> Mapping[str, list[str]]:
    """Return the command of each process by its name, in the order in which they start."""
    python = sys.executable
    celery = [python, "-m", "celery", "-A", "offload_admin"]
    return {
        "web": [
            *(python, "-m", "granian", "offload_admin.wsgi:application", "--interface", "wsgi"),
            *("--host", host, "--port", str(port), "--no-ws"),
            *("--workers", "1", "--blocking-threads", str(web_threads)),
            *("--workers-kill-timeout", str(GRACE_SECONDS)),
            # Its warning about threads and cores is not for whoever types `make run`.
            *("--log-level", "error"),
        ],
        "stream": [
            *(python, "-m", "granian", "offload_admin.asgi:application", "--interface", "asgi"),
            *("--host", host, "--port", str(stream_port), "--no-ws", "--http", "1"),
            *("--workers", "1", "--backpressure", str(STREAMS_AT_MOST)),
            *("--workers-kill-timeout", str(STREAM_GRACE_SECONDS)),
            *("--log-level", "error"),
        ],
        "worker": [
            *(*celery, "worker", "--loglevel", "INFO"),
            # One worker has nobody to talk to.
            *("--without-gossip", "--without-mingle", "--without-heartbeat"),
        ],
        "beat": [*celery, "beat", "--loglevel", "WARNING", "--pidfile="],
    }
