"""A real server on a database of its own, and a real browser that watches for faults."""

import json
import os
import socket
import subprocess
import sys
import time
import urllib.request
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.parse import urlsplit

import psycopg
import pytest
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright
from psycopg import sql

from tests.factories.orgs import PASSWORD

PROJECT = Path(__file__).resolve().parents[2]
PICTURES = PROJECT / "build" / "pictures"
AXE = PROJECT / "node_modules/axe-core/axe.min.js"
WCAG = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
START_SECONDS = 60
PATIENCE_MS = 10_000
WATCH = """
document.addEventListener("securitypolicyviolation", (event) => {
  console.error(`policy: ${event.violatedDirective} ${event.blockedURI} ${event.sample}`);
});
"""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """All browser tests run in one worker: they share the server and the browser."""
    for item in items:
        if Path(__file__).parent in item.path.parents and "chromium" in item.fixturenames:
            item.add_marker(pytest.mark.browser)
            item.add_marker(pytest.mark.xdist_group("browser"))


@dataclass(frozen=True, kw_only=True)
class Site:
    """The running product and what is in it."""

    url: str
    facts: dict[str, str]

    def path(self, page: str) -> str:
        """Return the address of a page by the name that tests and pictures use."""
        return (
            self.url
            + {
                "sign-in": "/accounts/login/",
                "reset": "/accounts/password/reset/",
                "set-password": self.facts["password_link"],
                "overview": "/o/acme/",
                "sessions": "/o/acme/sessions/",
                "sessions-nothing-matches": "/o/acme/sessions/?member=zzz",
                "session-running": f"/o/acme/sessions/{self.facts['running']}/",
                "session": f"/o/acme/sessions/{self.facts['ended']}/",
                "usage": "/o/acme/usage/",
                "usage-by-member": "/o/acme/usage/?group_by=member",
                "invoices": "/o/acme/invoices/",
                "invoice": f"/o/acme/invoices/{self.facts['invoice']}/",
                "invoice-line": f"/o/acme/invoices/{self.facts['invoice']}/lines/2/",
                "policy": "/o/acme/policy/",
                "policy-team": "/o/acme/policy/teams/backend/",
                "policy-revision": "/o/acme/policy/revisions/1/",
                "members": "/o/acme/members/",
                "ladder": f"/o/acme/members/{self.facts['mei']}/settings/",
                "exceptions": "/o/acme/exceptions/",
                "my": "/o/acme/my/",
                "empty-policy": "/o/empty/policy/",
                "empty-exceptions": "/o/empty/exceptions/",
                "empty-my": "/o/empty/my/",
                "audit": "/o/acme/audit/",
                "audit-nothing-matches": "/o/acme/audit/?text=zzz",
                "empty-overview": "/o/empty/",
                "empty-sessions": "/o/empty/sessions/",
                "empty-usage": "/o/empty/usage/",
                "empty-invoices": "/o/empty/invoices/",
                "device": "/device/?user_code=WDJB-MJHT",
                "device-consent": f"/device/{self.facts['device_asks']}/",
                "device-approved": f"/device/{self.facts['device_approved']}/",
                "device-denied": f"/device/{self.facts['device_denied']}/",
                "device-expired": f"/device/{self.facts['device_expired']}/",
                "empty-audit": "/o/empty/audit/?before=1",
                "not-found": "/o/unknown/",
            }[page]
        )


@dataclass(kw_only=True)
class Visit:
    """One page in one look; collects what the browser complains about."""

    page: Page
    complaints: list[str] = field(default_factory=list)

    def violations(self) -> list[str]:
        """Return what axe finds against WCAG 2.2 AA and its own best practices."""
        self.page.evaluate(AXE.read_text(encoding="utf-8"))
        found: list[dict[str, Any]] = self.page.evaluate(
            "tags => axe.run({runOnly: tags}).then(result => result.violations)", WCAG
        )
        return [f"{rule['id']}: {node['html']}" for rule in found for node in rule["nodes"]]

    def overflow(self) -> int:
        """Return by how many pixels the page is wider than the window."""
        return int(
            self.page.evaluate(
                "document.documentElement.scrollWidth - document.documentElement.clientWidth"
            )
        )


@pytest.fixture(scope="session")
def site(chromium: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """The product under its web server, with people and use in it."""
    with _database() as url:
        port = _free_port()
        env = {
            **os.environ,
            "DATABASE_URL": url,
            "PORT": str(port),
            "BASE_URL": f"http://127.0.0.1:{port}",
            "EMAIL_URL": f"file://{tmp_path_factory.mktemp('mail')}",
        }
        seeded = subprocess.run(
            [sys.executable, "-m", "tests.browser.seed"],
            cwd=PROJECT,
            env=env,
            check=True,
            stdout=subprocess.PIPE,
            timeout=300,
        )
        _compile_messages()
        with _server(env, port=port, log=tmp_path_factory.mktemp("web") / "log") as address:
            yield Site(url=address, facts=json.loads(seeded.stdout))


@pytest.fixture(scope="session")
def browser(chromium: str) -> Iterator[Browser]:
    """The machine's Chromium."""
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=chromium, args=ARGUMENTS)
        yield started
        started.close()


@pytest.fixture(scope="session")
def signed_in(site: Site, browser: Browser) -> dict[str, Any]:
    """The cookies of people who have signed in by the form, by address."""
    states = {}
    for who in ("owner", "member"):
        context = browser.new_context(base_url=site.url)
        page = context.new_page()
        page.goto("/accounts/login/")
        page.locator("input[name=login]").fill(site.facts[who])
        page.locator("input[name=password]").fill(PASSWORD)
        page.locator("main button[type=submit]").click()
        page.wait_for_url("**/o/acme/")
        states[who] = context.storage_state()
        context.close()
    return states


@pytest.fixture
def look(site: Site, browser: Browser, signed_in: dict[str, Any]) -> Iterator[Any]:
    """Open a page in a language, theme and width, as someone; closes it in the end."""
    contexts: list[BrowserContext] = []

    def opened(
        *,
        who: str = "owner",
        language: str = "en",
        theme: str = "light",
        width: int = 1280,
        scripts: bool = True,
    ) -> Visit:
        context = browser.new_context(
            base_url=site.url,
            viewport={"width": width, "height": 900},
            color_scheme=theme,
            reduced_motion="reduce",
            locale="zh-CN" if language == "zh-Hans" else "en-GB",
            storage_state=signed_in.get(who),
            java_script_enabled=scripts,
        )
        context.set_default_timeout(PATIENCE_MS)
        contexts.append(context)
        context.add_init_script(WATCH)
        visit = Visit(page=context.new_page())
        visit.page.on(
            "console",
            lambda message: (
                visit.complaints.append(message.text)
                if message.type in {"error", "warning"}
                else None
            ),
        )
        visit.page.on("pageerror", lambda error: visit.complaints.append(str(error)))
        return visit

    yield opened
    for context in contexts:
        context.close()


@contextmanager
def _database() -> Iterator[str]:
    """Make an empty database beside the tests' own, and drop it in the end."""
    url = os.environ["DATABASE_URL"]
    name = f"browser_{uuid.uuid4().hex[:12]}"
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    try:
        yield urlsplit(url)._replace(path=f"/{name}").geturl()
    finally:
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute(
                sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name))
            )


@contextmanager
def _server(env: dict[str, str], *, port: int, log: Path) -> Iterator[str]:
    command = [
        *(sys.executable, "-m", "granian", "offload_admin.wsgi:application"),
        *("--interface", "wsgi", "--host", "127.0.0.1", "--port", str(port)),
        *("--no-ws", "--workers", "1", "--blocking-threads", "4", "--log-level", "warning"),
    ]
    with log.open("wb") as output:
        server = subprocess.Popen(
            command, cwd=PROJECT, env=env, stdout=output, stderr=subprocess.STDOUT
        )
    try:
        url = f"http://127.0.0.1:{port}"
        _wait_for(url, server=server, log=log)
        yield url
    finally:
        server.terminate()
        server.wait(timeout=30)


def _wait_for(url: str, *, server: "subprocess.Popen[bytes]", log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if server.poll() is not None:
            break
        try:
            with urllib.request.urlopen(f"{url}/healthz", timeout=5):
                return
        except URLError:
            time.sleep(0.1)
    raise AssertionError(f"the web server does not answer:\n{log.read_text(errors='replace')}")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _compile_messages() -> None:
    """Compile the catalogues as `make setup` does, so that a fresh text is seen."""
    subprocess.run(
        [
            sys.executable,
            "-m",
            "babel.messages.frontend",
            "compile",
            "-D",
            "django",
            "-d",
            "locale",
        ],
        cwd=PROJECT,
        check=True,
        capture_output=True,
    )
