from itertools import chain

import pytest

from orgs.models import Organization
from tests.factories.orgs import NOW

pytestmark = [pytest.mark.django_db, pytest.mark.urls("tests.orgs.probe_urls")]


@pytest.fixture
def slugs():
    slugs = [f"o{number:04}" for number in range(250)]
    Organization.objects.bulk_create(
        Organization(slug=slug, name=slug, created_at=NOW) for slug in slugs
    )
    return slugs


def walk(client, address):
    pages = []
    while address:
        document = client.get(address).json()
        assert set(document) == {"results", "next"}
        pages.append([row["slug"] for row in document["results"]])
        address = document["next"]
    return pages


@pytest.mark.parametrize(
    ("query", "sizes"),
    [("", [100, 100, 50]), ("?page_size=125", [125, 125]), ("?page_size=1000", [250])],
)
def test_pages_join_to_the_whole_list(client, slugs, query, sizes):
    pages = walk(client, "/api/v1/list" + query)
    assert [len(page) for page in pages] == sizes
    assert list(chain(*pages)) == slugs


def test_rows_added_meanwhile_move_nothing(client, slugs):
    first = client.get("/api/v1/list").json()
    Organization.objects.create(slug="a-first", name="A", created_at=NOW)
    rest = walk(client, first["next"])
    assert [row["slug"] for row in first["results"]] + list(chain(*rest)) == slugs


@pytest.mark.parametrize("size", ["0", "1001", "-1", "x", "", "1e3", "٣", "99999999999999"])
def test_a_page_size_out_of_bounds_is_refused(client, size):
    answer = client.get("/api/v1/list", {"page_size": size})
    assert answer.status_code == 400
    assert answer.json()["errors"] == [
        {
            "pointer": "page_size",
            "code": "invalid",
            "detail": "page_size is a number from 1 to 1000.",
        }
    ]


@pytest.mark.parametrize(
    "cursor",
    ["", "x", "\0", "WyJhIiwgImIiXQ==", "WzFd", "e30=", "W10=", "WyJcdTAwMDAiXQ==", "x" * 2000],
)
def test_a_cursor_that_no_list_gave_is_refused(client, slugs, cursor):
    answer = client.get("/api/v1/list", {"cursor": cursor})
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["pointer"] == "cursor"
