"""An HTTP server that gives prepared answers and remembers what it was asked."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class ScriptedServer:
    """Answers of each path, one after the other: (status, JSON)."""

    def __init__(self, script: dict[str, list[tuple[int, Any]]]) -> None:
        self.script = script
        self.asked: list[tuple[str, str]] = []
        self.url = ""

    def answer(self, path: str, body: str) -> tuple[int, bytes]:
        self.asked.append((path, body))
        answers = self.script.get(path) or [(404, None)]
        status, document = answers.pop(0)
        return status, json.dumps(document).encode()


@contextmanager
def scripted(script: dict[str, list[tuple[int, Any]]]) -> Iterator[ScriptedServer]:
    """Run the server for a while."""
    server = ScriptedServer(script)

    class Handler(BaseHTTPRequestHandler):
        def respond(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
            status, said = server.answer(self.path, body)
            self.send_response(status)
            self.send_header("Content-Length", str(len(said)))
            self.end_headers()
            self.wfile.write(said)

        do_GET = do_POST = respond  # noqa: N815 - the framework's names

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as running:
        server.url = f"http://127.0.0.1:{running.server_port}"
        thread = threading.Thread(target=running.serve_forever, daemon=True)
        thread.start()
        try:
            yield server
        finally:
            running.shutdown()
            thread.join()
