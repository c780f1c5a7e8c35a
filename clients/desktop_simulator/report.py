"""What a simulation saw, as one JSON object a line."""

import json
from collections import Counter
from datetime import UTC, datetime
from threading import Lock
from typing import TextIO


class Report:
    """Writes events as they happen, from any thread, and counts them."""

    def __init__(self, output: TextIO) -> None:
        """Write to `output`."""
        self._output = output
        self._lock = Lock()
        self._counts: Counter[str] = Counter()

    def say(self, event: str, *, desktop: str, **facts: object) -> None:
        """Write one event: when, what, of which Desktop, and what else there is to say."""
        at = datetime.now(UTC).isoformat().replace("+00:00", "Z")
        line = json.dumps({"at": at, "event": event, "desktop": desktop, **facts})
        with self._lock:
            self._counts[event] += 1
            try:
                self._output.write(line + "\n")
                self._output.flush()
            except (OSError, ValueError):  # whoever read it has gone; the work goes on
                return

    def summarize(self) -> None:
        """Write how often each event happened."""
        with self._lock:
            counts = dict(sorted(self._counts.items()))
        self.say("summary", desktop="*", counts=counts)
