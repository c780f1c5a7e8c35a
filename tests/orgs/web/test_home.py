import pytest

from orgs.models import User
from orgs.selectors.organizations import list_organizations
from tests.factories.orgs import make_member, make_organization, make_user

pytestmark = [pytest.mark.django_db, pytest.mark.urls("tests.orgs.probe_urls")]


@pytest.fixture
def mei(client):
    user = make_user("mei@acme.example")
    client.force_login(user)
    return user


def test_anonymous_people_go_to_the_sign_in(client):
    assert client.get("/")["Location"] == "/accounts/login/?next=/"


def test_a_member_goes_to_their_first_organization_by_name(client, mei):
    for slug in ("zeta", "beta"):
        make_member(make_organization(slug).organization, mei.email, user=mei)
    gone = make_organization("alpha").organization
    make_member(gone, mei.email, user=mei, status="removed")
    assert client.get("/")["Location"] == "/o/beta/"
    assert [each.slug for each in list_organizations(user_id=mei.pk)] == ["beta", "zeta"]


def test_someone_who_belongs_to_none_is_told_so(client, mei):
    answer = client.get("/")
    assert answer.status_code == 200
    assert "orgs/no_organization.html" in [template.name for template in answer.templates]


def test_a_language_is_kept_with_the_person(client, mei):
    answer = client.post("/i18n/setlang/", {"language": "en", "next": "/o/acme/"})
    assert (answer.status_code, answer["Location"]) == (302, "/o/acme/")
    assert User.objects.get().locale == "en"


@pytest.mark.parametrize("language", ["fr", "x" * 200])
def test_a_language_we_do_not_speak_is_left(client, mei, language):
    client.post("/i18n/setlang/", {"language": language, "next": "/"})
    assert User.objects.get().locale == ""


def test_the_way_back_stays_on_our_pages(client):
    answer = client.post("/i18n/setlang/", {"language": "en", "next": "https://evil.example/"})
    assert answer["Location"] == "/"


def test_a_language_is_not_chosen_by_a_link(client):
    assert client.get("/i18n/setlang/?language=en").status_code == 405
