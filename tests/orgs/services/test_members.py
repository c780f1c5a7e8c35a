from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from django.db import connection

from orgs.models import AuditEvent, Member
from orgs.services.audit import recording
from orgs.services.members import InvalidEmail, ensure_members
from tests.factories.orgs import NOW, OPERATOR, make_member, make_organization


def ensure(organization, *emails, names=None):
    with recording(actor=OPERATOR, at=NOW) as trail:
        return ensure_members(
            trail=trail, organization_id=organization.pk, emails=emails, names=names
        )


@pytest.fixture
def acme(db):
    return make_organization("acme").organization


def test_missing_members_are_added_and_known_ones_kept(acme):
    mei = make_member(acme, "mei@acme.example")
    ids = ensure(
        acme,
        "Mei@ACME.example",
        "bo@acme.example",
        names={"bo@acme.example": "Bo", "Mei@ACME.example": "Another name"},
    )
    bo = Member.objects.get(email="bo@acme.example")
    assert ids == {"Mei@ACME.example": mei.pk, "bo@acme.example": bo.pk}
    assert (bo.name, bo.role, bo.status, bo.user, bo.created_at) == (
        "Bo",
        "member",
        "active",
        None,
        NOW,
    )
    mei.refresh_from_db()
    assert mei.name == ""


def test_a_second_call_changes_and_records_nothing(acme):
    first = ensure(acme, "mei@acme.example", "bo@acme.example")
    recorded = AuditEvent.objects.count()
    assert ensure(acme, "BO@acme.example", "mei@acme.example") == {
        "BO@acme.example": first["bo@acme.example"],
        "mei@acme.example": first["mei@acme.example"],
    }
    assert AuditEvent.objects.count() == recorded
    assert Member.objects.count() == 3


def test_two_spellings_in_one_call_are_one_member(acme):
    ids = ensure(acme, "mei@acme.example", "MEI@acme.example")
    assert len(set(ids.values())) == 1


def test_one_append_names_ids_and_no_addresses(acme):
    ids = ensure(acme, "mei@acme.example", "bo@acme.example")
    event = AuditEvent.objects.get(action="members.added")
    assert event.diff == {"member_ids": [None, sorted(ids.values())], "role": [None, "member"]}
    assert not event.personal_values.exists()


def test_a_removed_member_stays_removed(acme):
    gone = make_member(acme, "mei@acme.example", status="removed")
    assert ensure(acme, "mei@acme.example") == {"mei@acme.example": gone.pk}
    gone.refresh_from_db()
    assert gone.status == "removed"


def test_the_same_address_elsewhere_is_another_member(acme):
    other = make_organization("other").organization
    here, there = ensure(acme, "mei@x.example"), ensure(other, "mei@x.example")
    assert here["mei@x.example"] != there["mei@x.example"]


def test_one_bad_address_stops_all_before_anything_is_written(acme):
    with pytest.raises(InvalidEmail, match="'nobody'"):
        ensure(acme, "mei@acme.example", "nobody")
    assert Member.objects.count() == 1


def test_nobody_is_nothing(acme):
    assert ensure(acme) == {}


def test_ten_thousand_cost_as_many_statements_as_ten(acme, django_assert_num_queries):
    # two for the members, twelve for what holds for them
    with recording(actor=OPERATOR, at=NOW) as trail, django_assert_num_queries(14):
        ids = ensure_members(
            trail=trail,
            organization_id=acme.pk,
            emails=[f"u{number}@acme.example" for number in range(10_000)],
        )
    assert len(ids) == 10_000


@pytest.mark.django_db(transaction=True)
def test_two_importers_at_once_agree():
    acme = make_organization("acme").organization
    emails = [f"u{number}@acme.example" for number in range(500)]
    start = Barrier(2)

    def work(order):
        try:
            start.wait(timeout=10)
            return ensure(acme, *order)
        finally:
            connection.close()

    with ThreadPoolExecutor(2) as pool:
        first, second = pool.map(work, [emails, emails[::-1]])
    assert first == second
    assert Member.objects.count() == 501
