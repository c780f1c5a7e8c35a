"""A Desktop that signs in while a person decides in a real browser."""

import json
import urllib.request
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlencode

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Site
from tests.factories.devices import DESKTOP, GRANT
from tests.factories.orgs import PASSWORD


def send(address: str, fields: dict[str, str]) -> dict[str, Any]:
    try:
        with urllib.request.urlopen(address, urlencode(fields).encode(), timeout=30) as answer:
            return json.load(answer)
    except HTTPError as refused:
        with refused:
            return json.load(refused)


@pytest.fixture
def endpoints(site: Site) -> dict[str, str]:
    with urllib.request.urlopen(f"{site.url}/.well-known/oauth-authorization-server") as answer:
        return json.load(answer)


@pytest.fixture
def codes(endpoints) -> dict[str, Any]:
    return send(endpoints["device_authorization_endpoint"], DESKTOP)


def poll(endpoints: dict[str, str], codes: dict[str, Any]) -> dict[str, Any]:
    fields = {"grant_type": GRANT, "device_code": codes["device_code"]}
    return send(endpoints["token_endpoint"], fields | {"client_id": "docker-desktop"})


def test_from_the_link_over_the_sign_in_to_the_token_without_scripts(
    chromium, site: Site, look, endpoints, codes
) -> None:
    visit = look(who="", scripts=False)
    page = visit.page
    page.goto(codes["verification_uri_complete"])
    page.locator("input[name=login]").fill(site.facts["member"])
    page.locator("input[name=password]").fill(PASSWORD)
    page.locator("main button[type=submit]").click()

    expect(page.get_by_label("Code")).to_have_value(codes["user_code"])
    page.get_by_role("button", name="Continue").click()
    expect(page.get_by_role("heading")).to_have_text("Let Docker Desktop sign in?")
    expect(page.get_by_text("Mei 的 MacBook")).to_be_visible()
    expect(page.get_by_text("127.0.0.1")).to_be_visible()
    assert poll(endpoints, codes)["error"] == "authorization_pending"
    page.get_by_role("button", name="Approve").click()
    expect(page.get_by_role("heading", name="Approved")).to_be_visible()

    assert poll(endpoints, codes)["access_token"].startswith("ofd_")
    assert poll(endpoints, codes)["error"] == "invalid_grant"
    assert visit.complaints == []


def test_a_wrong_code_is_mended_and_the_decision_made_by_keyboard(
    chromium, site: Site, look, endpoints, codes
) -> None:
    visit = look()
    page = visit.page
    page.goto(f"{site.url}/device/")
    page.get_by_label("Code").fill("WDJB")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_have_text("A code has 8 letters, such as WDJB-MJHT.")
    assert visit.violations() == []
    page.get_by_label("Code").fill(codes["user_code"].lower())
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading")).to_have_text("Let Docker Desktop sign in?")

    page.get_by_role("button", name="Approve").press("Enter")  # without an organization
    expect(page.get_by_role("heading")).to_have_text("Let Docker Desktop sign in?")
    page.get_by_label("Neu & leer").focus()
    page.keyboard.press("Space")
    page.keyboard.press("Tab")
    expect(page.get_by_role("button", name="Approve")).to_be_focused()
    page.keyboard.press("Tab")
    expect(page.get_by_role("button", name="Deny")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading")).to_have_text("Docker Desktop was not signed in")
    assert poll(endpoints, codes)["error"] == "access_denied"
    assert visit.complaints == []


def test_the_wrong_person_signs_out_and_the_right_one_finds_the_code(
    chromium, site: Site, look, codes
) -> None:
    page = look(who="").page
    page.goto(codes["verification_uri_complete"])
    page.locator("input[name=login]").fill(site.facts["owner"])
    page.locator("input[name=password]").fill(PASSWORD)
    page.locator("main button[type=submit]").click()
    page.get_by_role("button", name="Not you? Sign out").click()
    page.locator("input[name=login]").fill(site.facts["member"])
    page.locator("input[name=password]").fill(PASSWORD)
    page.locator("main button[type=submit]").click()
    expect(page.get_by_label("Code")).to_have_value(codes["user_code"])
    expect(page.get_by_text(site.facts["member"])).to_be_visible()
