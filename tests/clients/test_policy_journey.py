"""An owner in a browser, a Desktop beside it: sign in by code, change a limit, see it arrive."""

import re
from datetime import UTC, datetime

import pytest
from django.conf import settings
from django.test import Client
from playwright.sync_api import expect, sync_playwright

from orgs.domain.roles import Role, Scope
from tests.browser.conftest import ARGUMENTS
from tests.clients.test_simulator_live import Simulation
from tests.factories.desktops import add_member
from tests.factories.orgs import make_token, make_user
from tests.factories.usage import make_customer

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.browser]


@pytest.fixture
def owner(live):
    """The owner of acme, who also develops."""
    customer = make_customer("acme", since=datetime(2026, 1, 1, tzinfo=UTC))
    user = make_user("boss@acme.example", locale="en")
    member = add_member(customer.organization, user.email)
    member.user, member.role = user, Role.OWNER.value
    member.save()
    return member


@pytest.fixture
def token(owner) -> str:
    return make_token(owner.organization, Scope.DESKTOP, member=owner).text


@pytest.fixture
def cookie(owner):
    """A session of the owner: the sign-in form itself is tried in the browser tests."""
    client = Client()
    client.force_login(owner.user)
    return client.cookies[settings.SESSION_COOKIE_NAME]


@pytest.fixture
def page(chromium, live, token, cookie):
    """The owner's browser; its loop forbids the database in this thread from here on."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=ARGUMENTS)
        context = browser.new_context(base_url=live.url, locale="en-GB")
        context.add_cookies([{"name": cookie.key, "value": cookie.value, "url": live.url}])
        context.set_default_timeout(60_000)
        yield context.new_page()
        browser.close()


def test_a_saved_limit_reaches_the_desktop_and_undo_takes_it_back(live, token, page):
    """From the form to the Desktop's own value; the time it took stands in the benchmarks."""
    desktop = Simulation("--server", live.url, "--token", token, "--spread", "0.1", "--check-ins")
    try:
        first = desktop.until("settings", cause="start")
        desktop.until("hint", is_news=False)
        page.goto("/o/acme/policy/")
        page.get_by_label("Largest value", exact=True).fill("600")
        page.get_by_label("Default", exact=True).fill("120")
        page.keyboard.press("Tab")
        impact = page.locator("#impact")
        expect(impact).to_contain_text("2 min")
        page.get_by_label("Why").fill("Shorter waits")
        page.keyboard.press("Enter")
        expect(page.get_by_role("status")).to_contain_text("is in force")

        changed = desktop.until("settings", cause="hint")
        assert changed["revision"] > first["revision"]
        desktop.until("check_in", status=200)

        page.get_by_role("button", name="Undo").click()
        expect(page.get_by_label("Largest value", exact=True)).to_have_value("3600")
        back = desktop.until("settings", cause="hint")
        assert back["revision"] > changed["revision"]
    finally:
        desktop.stop()


def test_a_desktop_signs_in_by_a_code_that_its_owner_approves(live, page):
    desktop = Simulation("--server", live.url, "--device-name", "boss-laptop", "--check-ins")
    try:
        (address,) = re.findall(r"http\S+", desktop.process.stderr.readline())
        page.goto(address)
        page.get_by_role("button", name="Continue").click()
        expect(page.get_by_text("boss-laptop")).to_be_visible()
        page.get_by_role("button", name="Approve").click()
        expect(page.get_by_role("heading", name="Approved")).to_be_visible()
        desktop.until("settings", cause="start")
        desktop.until("check_in", status=200)
        page.goto("/o/acme/devices/")
        expect(page.get_by_role("row", name=re.compile("boss-laptop"))).to_contain_text("In sync")
    finally:
        desktop.stop()
