"""The pages on which a person enters a Desktop's code and decides."""

from datetime import timedelta

import pytest
import time_machine
from django.test import Client

from orgs.domain import device_sign_in
from orgs.models import AccessToken, AuditEvent, DeviceSignIn, WrongUserCode
from orgs.services.audit import recording
from orgs.services.organizations import set_device_sign_in
from tests.factories.devices import ADDRESS, approve, decide, enter, make_person, poll, start
from tests.factories.orgs import NOW, OPERATOR, make_organization

pytestmark = pytest.mark.django_db
WRONG = "BBBB-BBBB"


@pytest.fixture
def clock():
    with time_machine.travel(NOW, tick=False) as clock:
        yield clock


@pytest.fixture
def acme():
    return make_organization("acme").organization


@pytest.fixture
def mei(client, clock, acme):
    client.cookies["django_language"] = "en"
    user, [member] = make_person("mei@acme.example", acme)
    client.force_login(user)
    return member


def switch_off(organization):
    with recording(actor=OPERATOR, at=NOW) as trail:
        set_device_sign_in(trail=trail, organization_id=organization.pk, is_enabled=False)


def signed_in(user, **headers):
    client = Client(**headers)
    client.cookies["django_language"] = "en"
    client.force_login(user)
    return client


def says(answer, *texts):
    page = answer.content.decode()
    return [text for text in texts if text not in page] == []


def test_who_is_not_signed_in_comes_back_with_the_code(client, clock):
    answer = client.get("/device/?user_code=WDJB-MJHT")
    assert answer.status_code == 302
    assert answer["Location"] == "/accounts/login/?next=/device/%3Fuser_code%3DWDJB-MJHT"
    assert client.post("/device/", {"user_code": "WDJB-MJHT"}).status_code == 302
    assert client.get("/device/1/")["Location"] == "/accounts/login/?next=/device/1/"
    assert not WrongUserCode.objects.exists()


def test_the_link_fills_in_the_code_and_does_nothing_else(client, mei):
    codes = start()
    answer = client.get(codes["verification_uri_complete"])
    assert says(answer, f'value="{codes["user_code"]}"', "You are signed in as mei@acme.example.")
    assert not says(answer, "MacBook")
    assert "no-store" in answer["Cache-Control"]
    sign_in = DeviceSignIn.objects.get()
    assert (sign_in.state, sign_in.opened_by) == ("pending", None)


def test_what_a_link_says_is_text(client, mei):
    answer = client.get("/device/", {"user_code": '"><script>alert(1)</script>' + "x" * 10_000})
    assert "<script>alert" not in answer.content.decode()
    assert says(answer, 'script&gt;xxxxx" placeholder')


def test_the_consent_page_says_who_asks_from_where_and_when(client, clock, acme, mei):
    codes = start()
    clock.shift(timedelta(minutes=3, seconds=20))
    sign_in = enter(client, codes["user_code"].lower().replace("-", " "))
    answer = client.get(f"/device/{sign_in.pk}/")
    assert says(
        answer,
        codes["user_code"],
        "Docker Desktop 4.50.0",
        "Mei 的 MacBook",
        "macOS 26.1",
        ADDRESS,
        "Place unknown",
        "3 minutes ago",
        'datetime="2026-11-24T09:00:00Z" title="2026-11-24T09:00:00Z"',
        "For the organization <strong>Acme</strong>.",
        "Approve only if you started this yourself",
    )
    assert "no-store" in answer["Cache-Control"]
    assert DeviceSignIn.objects.get().state == "pending"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "less than a minute ago"), (59, "less than a minute ago"), (60, ">1 minute ago<")],
)
def test_the_age_of_a_start_is_told_in_words(client, clock, mei, seconds, text):
    sign_in = enter(client, start()["user_code"])
    clock.shift(timedelta(seconds=seconds))
    assert says(client.get(f"/device/{sign_in.pk}/"), text)


def test_what_a_device_says_about_itself_is_text(client, mei):
    codes = start(device_name="<b>Docker</b>", os="<script>", desktop_version="")
    sign_in = enter(client, codes["user_code"])
    answer = client.get(f"/device/{sign_in.pk}/")
    assert says(answer, "&lt;b&gt;Docker&lt;/b&gt;", "&lt;script&gt;")


def test_what_a_device_does_not_say_is_said_to_be_missing(client, mei):
    sign_in = enter(client, start(device_name=None, os=None, desktop_version=None)["user_code"])
    DeviceSignIn.objects.update(address=None)
    assert says(client.get(f"/device/{sign_in.pk}/"), "without a name", "unknown")


def test_after_the_approval_the_page_leads_back_to_the_desktop(client, mei):
    sign_in = approve(client, start()["user_code"])
    assert (sign_in.state, sign_in.member, sign_in.decided_at) == ("approved", mei, NOW)
    assert says(client.get(f"/device/{sign_in.pk}/"), "Approved", "signed in to Acme")


def test_the_page_stays_true_after_the_exchange(client, clock, mei):
    codes = start()
    sign_in = approve(client, codes["user_code"])
    assert poll(codes["device_code"]).status_code == 200
    clock.shift(timedelta(minutes=12))
    assert says(client.get(f"/device/{sign_in.pk}/"), "Approved")


def test_after_a_denial_the_page_says_that_nothing_was_given(client, mei):
    sign_in = enter(client, start()["user_code"])
    assert decide(client, sign_in, "deny").status_code == 302
    sign_in.refresh_from_db()
    assert (sign_in.state, sign_in.member) == ("denied", None)
    assert says(client.get(f"/device/{sign_in.pk}/"), "Docker Desktop was not signed in")


@pytest.mark.parametrize("decision", ["approve", "deny"])
def test_after_ten_minutes_nothing_can_be_decided(client, clock, mei, decision):
    sign_in = enter(client, start()["user_code"])
    clock.shift(timedelta(minutes=10))
    assert decide(client, sign_in, decision, "acme").status_code == 302
    sign_in.refresh_from_db()
    assert sign_in.state == "pending"
    assert says(client.get(f"/device/{sign_in.pk}/"), "This code has expired")
    assert not AuditEvent.objects.filter(target_kind="device_sign_in").exists()


def test_what_is_decided_stays_decided(client, mei):
    sign_in = approve(client, start()["user_code"])
    decide(client, sign_in, "deny")
    sign_in.refresh_from_db()
    assert sign_in.state == "approved"


@pytest.mark.parametrize("typed", ["", "WDJB", "AEIO-UAEI", "\x00", "名" * 9_000])
def test_what_cannot_be_a_code_is_no_guess(client, mei, typed):
    answer = client.post("/device/", {"user_code": typed})
    assert says(answer, "A code has 8 letters", 'aria-invalid="true"')
    assert not WrongUserCode.objects.exists()


@pytest.mark.parametrize("end", ["expired", "denied", "approved", "removed", "never"])
def test_a_code_that_is_not_open_is_wrong_and_does_not_say_why(client, clock, mei, end):
    codes = start()
    if end == "expired":
        clock.shift(timedelta(minutes=10))
    elif end == "denied":
        decide(client, enter(client, codes["user_code"]), "deny")
    elif end == "approved":
        approve(client, codes["user_code"])
    else:
        DeviceSignIn.objects.all().delete()
    answer = client.post("/device/", {"user_code": codes["user_code"]})
    assert says(answer, "This code opens nothing.")
    assert WrongUserCode.objects.count() == 1


def test_after_five_wrong_codes_not_even_the_right_one_is_taken(client, clock, mei):
    assert device_sign_in.WRONG_CODES_OF_PERSON == 5
    codes = start()
    for _ in range(5):
        assert says(client.post("/device/", {"user_code": WRONG}), "This code opens nothing.")
        clock.shift(timedelta(seconds=30))
    for typed in (WRONG, codes["user_code"]):
        answer = client.post("/device/", {"user_code": typed})
        assert (answer.status_code, answer["Retry-After"]) == (429, "600")
        assert says(answer, "Too many wrong codes.")
    assert WrongUserCode.objects.count() == 5
    assert DeviceSignIn.objects.get().opened_by is None

    clock.move_to(NOW + timedelta(minutes=10))  # the first wrong one no longer counts
    codes = start()
    assert enter(client, codes["user_code"]).opened_by.email == "mei@acme.example"


def test_right_codes_do_not_count(client, mei):
    for number in range(7):
        approve(client, start(device_id=f"d{number}")["user_code"])
    assert not WrongUserCode.objects.exists()


def test_one_address_guesses_so_often_under_any_name(clock, acme, monkeypatch):
    assert device_sign_in.WRONG_CODES_OF_ADDRESS == 30
    monkeypatch.setattr("orgs.services.device_sign_ins.WRONG_CODES_OF_ADDRESS", 3)
    people = [make_person(f"p{n}@acme.example", acme)[0] for n in range(2)]
    for user in (people[0], people[0], people[1]):
        signed_in(user).post("/device/", {"user_code": WRONG})
    here, there = signed_in(people[1]), signed_in(people[1], REMOTE_ADDR="198.51.100.9")
    assert here.post("/device/", {"user_code": WRONG}).status_code == 429
    assert there.post("/device/", {"user_code": WRONG}).status_code == 200


def test_only_who_entered_the_code_sees_and_decides(client, mei, acme):
    sign_in = enter(client, start()["user_code"])
    stranger = signed_in(make_person("bo@acme.example", acme)[0])
    for answer in (
        stranger.get(f"/device/{sign_in.pk}/"),
        decide(stranger, sign_in, "approve", "acme"),
        decide(stranger, sign_in, "deny"),
        stranger.get(f"/device/{sign_in.pk + 1}/"),
        stranger.get(f"/device/{10**30}/"),
    ):
        assert answer.status_code == 404
        assert not says(answer, "MacBook")
    sign_in.refresh_from_db()
    assert sign_in.state == "pending"


def test_the_last_who_entered_the_code_decides(client, mei, acme):
    codes = start()
    sign_in = enter(client, codes["user_code"])
    bo, [member] = make_person("bo@acme.example", acme)
    other = signed_in(bo)
    approve(other, codes["user_code"])
    assert client.get(f"/device/{sign_in.pk}/").status_code == 404
    sign_in.refresh_from_db()
    assert sign_in.member == member


def test_a_person_of_several_organizations_chooses(clock, acme):
    beta, off = (make_organization(slug).organization for slug in ("beta", "gamma"))
    gone = make_organization("gone").organization
    switch_off(off)
    user, members = make_person("mei@acme.example", acme, beta, off, gone)
    members[3].status = "removed"
    members[3].save()
    make_organization("strange")
    client = signed_in(user)
    codes = start()
    sign_in = enter(client, codes["user_code"])
    page = client.get(f"/device/{sign_in.pk}/")
    assert says(page, 'type="radio" name="organization" value="acme"', 'value="beta"')
    assert says(page, "Gamma lets no Docker Desktop sign in. An owner can allow it.")
    assert not says(page, 'value="gamma"')
    assert not says(page, 'value="gone"')

    for slug in ("", "gone", "strange", "none", "x" * 5_000, "a\x00"):
        answer = decide(client, sign_in, "approve", slug)
        assert answer.status_code == 200
        assert says(answer, "Choose an organization.")
    answer = decide(client, sign_in, "approve", "gamma")
    assert says(answer, "This organization lets no Docker Desktop sign in.")
    assert DeviceSignIn.objects.get().state == "pending"

    decide(client, sign_in, "approve", "beta")
    sign_in.refresh_from_db()
    assert (sign_in.organization, sign_in.member) == (beta, members[1])
    told = AuditEvent.objects.filter(target_kind="device_sign_in")
    assert set(told.values_list("organization__slug", flat=True)) == {"beta"}


def test_a_denial_is_told_to_every_organization_of_the_person(clock, acme):
    beta = make_organization("beta").organization
    make_organization("strange")
    user, members = make_person("mei@acme.example", acme, beta)
    client = signed_in(user)
    decide(client, enter(client, start()["user_code"]), "deny")
    told = AuditEvent.objects.filter(target_kind="device_sign_in").order_by("pk")
    assert list(told.values_list("organization__slug", "action", "actor_member_id")) == [
        ("acme", "device_sign_in.started", members[0].pk),
        ("acme", "device_sign_in.denied", members[0].pk),
        ("beta", "device_sign_in.started", members[1].pk),
        ("beta", "device_sign_in.denied", members[1].pk),
    ]


def test_where_no_desktop_may_sign_in_there_is_nothing_to_approve(client, mei, acme):
    switch_off(acme)
    sign_in = enter(client, start()["user_code"])
    page = client.get(f"/device/{sign_in.pk}/")
    assert says(page, "Acme lets no Docker Desktop sign in.", 'value="deny"')
    assert not says(page, 'value="approve"')


def test_who_belongs_to_no_organization_is_told_so(clock):
    client = signed_in(make_person("mei@acme.example")[0])
    sign_in = enter(client, start()["user_code"])
    page = client.get(f"/device/{sign_in.pk}/")
    assert says(page, "You are not a member of an organization")
    assert not says(page, 'value="approve"')
    assert decide(client, sign_in, "deny").status_code == 302
    assert DeviceSignIn.objects.get().state == "denied"


def test_a_decision_needs_the_browsers_own_form(mei):
    client = Client(enforce_csrf_checks=True)
    client.force_login(mei.user)
    codes = start()
    assert client.post("/device/", {"user_code": codes["user_code"]}).status_code == 403
    DeviceSignIn.objects.update(opened_by=mei.user)
    sign_in = DeviceSignIn.objects.get()
    assert decide(client, sign_in, "approve", "acme").status_code == 403
    assert (
        client.get(f"/device/{sign_in.pk}/?decision=approve&organization=acme").status_code == 200
    )
    assert not AccessToken.objects.exists()
    assert DeviceSignIn.objects.get().state == "pending"


def test_anything_but_a_denial_with_an_organization_is_an_approval_only_by_its_button(client, mei):
    sign_in = enter(client, start()["user_code"])
    for decision in ("", "yes", "APPROVE"):
        assert decide(client, sign_in, decision, "acme").status_code == 200
    assert DeviceSignIn.objects.get().state == "pending"


def test_the_pages_are_chinese_too(client, mei):
    client.cookies["django_language"] = "zh-hans"
    sign_in = enter(client, start()["user_code"])
    assert says(client.get("/device/"), "登录 Docker Desktop")
    assert says(client.get(f"/device/{sign_in.pk}/"), "要允许 Docker Desktop 登录吗？", "地点未知")
