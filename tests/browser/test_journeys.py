"""What people do: sign in, look around by keyboard, filter, and follow a number to its source."""

import re

from playwright.sync_api import expect
from pypdf import PdfReader

from tests.browser.conftest import Site
from tests.factories.orgs import PASSWORD


def test_wrong_password_is_refused_in_words(chromium, site: Site, look) -> None:
    visit = look(who="", language="zh-Hans")
    visit.page.goto(site.path("sign-in"))
    visit.page.get_by_label("电子邮件").fill(site.facts["owner"])
    visit.page.get_by_label("密码").fill("not this one")
    visit.page.get_by_role("button", name="登录").click()

    expect(visit.page.get_by_role("alert")).to_be_visible()
    assert visit.page.url.endswith("/accounts/login/")
    assert visit.violations() == []


def test_owner_signs_in_and_out(chromium, site: Site, look) -> None:
    visit = look(who="")
    visit.page.goto(site.path("invoices"))
    visit.page.get_by_label("Email").fill(site.facts["owner"])
    visit.page.get_by_label("Password").fill(PASSWORD)
    visit.page.get_by_role("button", name="Sign in").click()
    expect(visit.page.get_by_role("heading", level=1)).to_have_text("Invoices")

    visit.page.get_by_role("button", name="Sign out").click()
    expect(visit.page.get_by_role("heading", level=1)).to_have_text("Sign in")
    visit.page.goto(site.path("overview"))
    expect(visit.page.get_by_role("heading", level=1)).to_have_text("Sign in")


def test_password_is_set_by_the_link_once(chromium, site: Site, look) -> None:
    visit = look(who="")
    visit.page.goto(site.path("set-password"))
    visit.page.locator("input[name=password1]").fill("short")
    visit.page.locator("input[name=password2]").fill("short")
    visit.page.get_by_role("button", name="Set the password").click()
    expect(visit.page.locator(".errors").first).to_be_visible()

    visit.page.locator("input[name=password1]").fill("a long way to the harbour")
    visit.page.locator("input[name=password2]").fill("a long way to the harbour")
    visit.page.get_by_role("button", name="Set the password").click()
    signed_in = visit.page.get_by_role("heading", level=1)
    expect(signed_in).to_have_text("You are not a member of an organization")
    visit.page.get_by_role("button", name="Sign out").click()
    expect(visit.page.get_by_role("heading", level=1)).to_have_text("Sign in")

    visit.page.goto(site.path("set-password"))
    expect(visit.page.get_by_role("heading", level=1)).to_have_text("This link no longer works")


def test_keyboard_reaches_the_menu_and_can_skip_it(chromium, site: Site, look) -> None:
    visit = look()
    visit.page.goto(site.path("overview"))
    visit.page.keyboard.press("Tab")
    skip = visit.page.get_by_role("link", name="Skip to content")
    expect(skip).to_be_focused()
    expect(skip).to_be_in_viewport()

    reached = []
    while len(reached) < 10 and reached[-1:] != ["Invoices"]:
        visit.page.keyboard.press("Tab")
        reached.append(visit.page.evaluate("document.activeElement.innerText.trim()"))
    assert [name for name in reached if name in MENU] == MENU

    visit.page.keyboard.press("Enter")
    expect(visit.page.get_by_role("heading", level=1)).to_have_text("Invoices")
    visit.page.keyboard.press("Tab")
    visit.page.keyboard.press("Enter")
    assert visit.page.evaluate("document.activeElement.id") == "content"


MENU = ["Overview", "Sessions", "Usage", "Invoices"]


def test_menu_opens_and_closes_on_a_narrow_screen(chromium, site: Site, look) -> None:
    visit = look(width=360)
    visit.page.goto(site.path("overview"))
    menu = visit.page.get_by_role("navigation", name="Main")
    toggle = visit.page.get_by_role("button", name="Menu")
    expect(menu).to_be_hidden()

    toggle.press("Enter")
    expect(menu).to_be_visible()
    expect(toggle).to_have_attribute("aria-expanded", "true")
    visit.page.keyboard.press("Escape")
    expect(menu).to_be_hidden()
    expect(toggle).to_be_focused()


def test_language_and_theme_stay_as_chosen(chromium, site: Site, look) -> None:
    visit = look(who="", language="en", theme="light")
    visit.page.goto(site.path("sign-in"))
    visit.page.get_by_role("button", name="简体中文").click()
    expect(visit.page.get_by_role("heading", level=1)).to_have_text("登录")
    visit.page.get_by_role("button", name="深色").click()
    expect(visit.page.locator("html")).to_have_attribute("data-bs-theme", "dark")

    visit.page.goto(site.path("reset"))
    expect(visit.page.locator("html")).to_have_attribute("lang", "zh-Hans")
    expect(visit.page.locator("html")).to_have_attribute("data-bs-theme", "dark")
    expect(visit.page.get_by_role("button", name="深色")).to_have_attribute("aria-pressed", "true")


def test_chart_follows_the_theme(chromium, site: Site, look) -> None:
    visit = look()
    visit.page.goto(site.path("usage"))
    bars = "[data-chart] svg path[fill='{}']"
    light, dark = "rgb(42, 97, 221)", "rgb(111, 155, 251)"
    expect(visit.page.locator(bars.format(light)).first).to_be_visible()

    visit.page.get_by_role("button", name="Dark").click()
    expect(visit.page.locator(bars.format(dark)).first).to_be_visible()
    assert visit.page.locator(bars.format(light)).count() == 0
    assert visit.complaints == []


def test_filters_live_in_the_address(chromium, site: Site, look) -> None:
    visit = look()
    visit.page.goto(site.path("usage"))
    visit.page.get_by_label("Group by").select_option("team")
    expect(visit.page.get_by_role("heading", name="Usage by team")).to_be_visible()
    expect(visit.page).to_have_url(re.compile(r"group_by=team"))
    expect(visit.page.locator("[data-chart] svg")).to_be_visible()

    visit.page.get_by_label("Machine").select_option("gpu-l4")
    expect(visit.page).to_have_url(re.compile(r"machine=gpu-l4"))
    expect(visit.page.locator("tbody tr")).to_have_count(1)

    visit.page.reload()
    expect(visit.page.get_by_label("Machine")).to_have_value("gpu-l4")
    expect(visit.page.locator("tbody tr")).to_have_count(1)
    assert visit.complaints == []


def test_sessions_are_found_and_paged(chromium, site: Site, look) -> None:
    visit = look()
    visit.page.goto(site.path("sessions"))
    expect(visit.page.get_by_text("Running now")).to_be_visible()
    first = visit.page.locator("tbody td time").first.get_attribute("datetime")
    visit.page.get_by_role("link", name="Older sessions").click()
    expect(visit.page.get_by_role("link", name="Newest sessions")).to_be_visible()
    assert visit.page.locator("tbody td time").first.get_attribute("datetime") < first

    visit.page.get_by_label("Member", exact=True).fill("Lena")
    visit.page.get_by_role("button", name="Apply").click()
    expect(visit.page).to_have_url(re.compile(r"member=Lena"))
    names = set(visit.page.locator("tbody .who a").all_inner_texts())
    assert names == {"Lena Ortiz"}


def test_an_amount_leads_to_the_events_behind_it(chromium, site: Site, look) -> None:
    visit = look()
    visit.page.goto(site.path("invoices"))
    visit.page.get_by_role("link", name=site.facts["invoice"]).click()
    visit.page.locator("tbody tr").first.locator("a").click()
    expect(visit.page.get_by_role("heading", name="What this line billed")).to_be_visible()

    visit.page.locator("tbody tr").first.get_by_role("link").click()
    why = visit.page.get_by_role("heading", name=re.compile("^Why .* are billed$"))
    expect(why).to_be_visible()
    events = visit.page.get_by_role("group", name="Events behind it")
    expect(events.get_by_text("/runners/eu-1").first).to_be_visible()
    expect(visit.page.get_by_role("link", name=re.compile("line 1"))).to_be_visible()


def test_invoice_is_downloaded_in_the_readers_language(chromium, site: Site, look) -> None:
    visit = look(language="zh-Hans")
    visit.page.goto(site.path("invoice"))
    with visit.page.expect_download() as download:
        visit.page.get_by_role("link", name="PDF").click()
    pdf = PdfReader(download.value.path())
    assert "发票" in pdf.pages[0].extract_text()
    assert download.value.suggested_filename == f"{site.facts['invoice']}.pdf"

    with visit.page.expect_download() as download:
        visit.page.get_by_role("link", name="CSV").click()
    rows = download.value.path().read_text(encoding="utf-8").splitlines()
    assert rows[0].startswith("invoice,line,kind,description,machine")
    assert len(rows) == 5


def test_member_sees_their_own_use_and_no_money(chromium, site: Site, look) -> None:
    visit = look(who="member")
    visit.page.goto(site.path("overview"))
    assert "USD" not in visit.page.content()
    assert visit.page.get_by_role("link", name="Invoices").count() == 0
    visit.page.goto(site.path("sessions"))
    assert set(visit.page.locator("tbody .who a").all_inner_texts()) == {"王美"}

    assert visit.page.goto(f"{site.url}/o/acme/sessions/{site.facts['foreign']}/").status == 404
    assert visit.page.goto(site.path("invoices")).status == 403
    for suffix in ("pdf", "csv"):
        address = f"/o/acme/invoices/{site.facts['invoice']}.{suffix}"
        assert visit.page.request.get(address).status == 403
    assert visit.page.goto(site.path("empty-overview")).status == 404


def test_owner_switches_organization(chromium, site: Site, look) -> None:
    visit = look()
    visit.page.goto(site.path("overview"))
    visit.page.locator("summary", has_text="Acme 研发").click()
    visit.page.get_by_role("link", name="Neu & leer").click()
    expect(visit.page.get_by_text("Docker Offload is off")).to_be_visible()
