"""Every page, in both languages and themes, narrow and wide: whole, quiet, readable, in reach."""

from itertools import product
from typing import Any, NamedTuple

import pytest

from tests.browser.conftest import PICTURES, Site

ANONYMOUS = ("sign-in", "reset", "set-password")
PAGES = (
    *ANONYMOUS,
    "overview",
    "sessions",
    "sessions-nothing-matches",
    "session-running",
    "session",
    "usage",
    "usage-by-member",
    "invoices",
    "invoice",
    "invoice-line",
    "policy",
    "policy-team",
    "policy-revision",
    "members",
    "ladder",
    "exceptions",
    "my",
    "empty-policy",
    "empty-exceptions",
    "empty-my",
    "audit",
    "audit-nothing-matches",
    "empty-overview",
    "empty-sessions",
    "empty-usage",
    "empty-invoices",
    "device",
    "device-consent",
    "device-approved",
    "device-denied",
    "device-expired",
    "empty-audit",
    "not-found",
)
LANGUAGES = ("zh-Hans", "en")
THEMES = ("light", "dark")
WIDTHS = (360, 1280)


class Look(NamedTuple):
    """A page as one reader sees it."""

    page: str
    language: str
    theme: str
    width: int


def looks() -> list[Any]:
    """Return all eight looks of a page; two of each are of the normal run.

    The two differ in everything, and pages take turns, so that each pair of values (a language
    with a theme, a theme with a width) is met on some page of the normal run.
    """
    found = []
    for number, page in enumerate(PAGES):
        for language, theme, width in product(range(2), range(2), range(2)):
            pair = (language ^ theme, language ^ width)
            is_normal = pair == (number % 2, number // 2 % 2)
            found.append(
                pytest.param(
                    Look(page, LANGUAGES[language], THEMES[theme], WIDTHS[width]),
                    id=f"{page}-{LANGUAGES[language]}-{THEMES[theme]}-{WIDTHS[width]}",
                    marks=() if is_normal else pytest.mark.prove,
                )
            )
    return found


@pytest.mark.parametrize("wanted", looks())
def test_page_is_whole(chromium, site: Site, look, wanted: Look) -> None:
    page, language, theme, width = wanted
    who = "" if page in ANONYMOUS else "owner"
    visit = look(who=who, language=language, theme=theme, width=width)
    answer = visit.page.goto(site.path(page))
    visit.page.wait_for_load_state("networkidle")
    PICTURES.mkdir(parents=True, exist_ok=True)
    visit.page.screenshot(path=PICTURES / f"{page}-{language}-{theme}-{width}.png", full_page=True)

    is_missing = page == "not-found"
    assert answer.status == (404 if is_missing else 200)
    assert visit.page.locator("html").get_attribute("lang") == language
    assert visit.page.locator("html").get_attribute("data-bs-theme") == theme
    assert visit.page.locator("h1").count() == 1
    assert visit.overflow() == 0
    assert visit.violations() == []
    assert [text for text in visit.complaints if not (is_missing and "404" in text)] == []
    assert " style=" not in answer.text()


def test_nothing_comes_from_elsewhere(chromium, site: Site, look) -> None:
    visit = look()
    asked: list[str] = []
    visit.page.on("request", lambda request: asked.append(request.url))
    visit.page.goto(site.path("overview"))
    visit.page.wait_for_load_state("networkidle")

    assert asked
    assert [url for url in asked if not url.startswith((site.url, "data:"))] == []


@pytest.mark.parametrize("page", ["sign-in", "overview", "sessions", "usage", "session"])
def test_page_works_without_scripts(chromium, site: Site, look, page: str) -> None:
    visit = look(who="" if page == "sign-in" else "owner", scripts=False, width=360)
    answer = visit.page.goto(site.path(page))

    assert answer.status == 200
    assert visit.page.locator("h1").is_visible()
    if page != "sign-in":
        assert visit.page.get_by_role("navigation", name="Main").is_visible()


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("page", ["invoices", "invoice", "invoice-line"])
def test_what_is_billed_is_in_sight_on_a_narrow_screen(
    chromium, site: Site, look, page: str, language: str
) -> None:
    visit = look(language=language, width=360)
    visit.page.goto(site.path(page))
    last = visit.page.locator("table tbody tr:first-child .number:visible").last

    box = last.bounding_box()
    assert box is not None
    assert last.inner_text()
    room = visit.page.locator("table").locator("xpath=..").bounding_box()
    assert room is not None
    assert box["x"] + box["width"] <= room["x"] + room["width"]
