"""`/invoices`: the list, one invoice, its files, the use of a line; for those who see money."""

import io

import pytest
from pypdf import PdfReader

from billing.models import BillingPeriod
from orgs.domain.roles import Role, Scope
from tests.factories.orgs import make_organization, make_token
from tests.factories.scene import make_scene
from tests.factories.usage import make_customer

pytestmark = pytest.mark.django_db(transaction=True)
ADDRESS = "/api/v1/organizations/acme/invoices"


@pytest.fixture
def scene():
    return make_scene()


@pytest.fixture
def march(scene):
    return scene.close("2026-03")


@pytest.fixture
def reader(scene):
    return scene.token(Scope.BILLING_READ)


def usd(amount: str) -> dict[str, str]:
    return {"amount": amount, "currency": "USD"}


def utc(at) -> str:
    return at.isoformat().replace("+00:00", "Z")


def summary(march) -> dict:
    return {
        "number": march.number,
        "status": "finalized",
        "period": {
            "start": "2026-02-28T16:00:00Z",
            "end": "2026-03-31T16:00:00Z",
            "zone": "Asia/Shanghai",
            "label": "2026-03",
        },
        "currency": "USD",
        "subtotal": usd("0.43"),
        "tax": usd("0.00"),
        "total": usd("0.43"),
        "cutoff": utc(march.cutoff),
        "finalized_at": utc(march.finalized_at),
        "document_sha256": march.document_sha256,
    }


def test_the_list_is_newest_first(client, scene, march, reader, django_assert_num_queries):
    april = scene.close("2026-04")
    client.get(ADDRESS, headers=reader)
    # token, organization, invoices with their periods
    with django_assert_num_queries(3):
        document = client.get(ADDRESS, headers=reader).json()
    assert [row["number"] for row in document["results"]] == [april.number, march.number]
    assert document["results"][1] == summary(march)
    assert document["next"] is None


def test_pages_of_the_list_join(client, scene, march, reader):
    april = scene.close("2026-04")
    first = client.get(ADDRESS, {"page_size": "1"}, headers=reader).json()
    second = client.get(first["next"], headers=reader).json()
    numbers = [row["number"] for page in (first, second) for row in page["results"]]
    assert numbers == [april.number, march.number]
    assert second["next"] is None


def test_an_invoice_is_its_frozen_document(client, march, reader):
    line = {"kind": "on_demand", "corrects_period": None}
    assert client.get(f"{ADDRESS}/{march.number}", headers=reader).json() == summary(march) | {
        "lines": [
            line
            | {
                "n": 1,
                "description": "Offload use, cpu-4x8",
                "machine": "cpu-4x8",
                "quantity_seconds": "1380",
                "unit_price": usd("0.42"),
                "amount": usd("0.16"),
            },
            line
            | {
                "n": 2,
                "description": "Offload use, gpu-l4",
                "machine": "gpu-l4",
                "quantity_seconds": "600",
                "unit_price": usd("1.60"),
                "amount": usd("0.27"),
            },
        ]
    }


def test_the_use_behind_a_line(client, scene, march, reader, django_assert_num_queries):
    address = f"{ADDRESS}/{march.number}/lines/2/records"
    client.get(address, headers=reader)
    # token, organization, line, records with names
    with django_assert_num_queries(4):
        document = client.get(address, headers=reader).json()
    [row] = document["results"]
    assert row.pop("session")
    assert row == {
        "day": "2026-03-31",
        "session_started_at": "2026-03-31T15:50:00Z",
        "is_live": True,
        "member": "hao@acme.example",
        "team": None,
        "machine": "gpu-l4",
        "quantity_seconds": "600",
    }
    assert document["next"] is None


@pytest.mark.parametrize(
    ("spoken", "language", "title"),
    [
        ("en", "en", "Invoice"),
        ("en-GB,en;q=0.8,zh;q=0.5", "en", "Invoice"),
        ("zh-CN", "zh-hans", "发票"),
        ("fr", "zh-hans", "发票"),
        (None, "zh-hans", "发票"),
    ],
)
def test_the_pdf_is_in_the_callers_language(client, march, reader, spoken, language, title):
    headers = reader | ({"Accept-Language": spoken} if spoken else {})
    answer = client.get(f"{ADDRESS}/{march.number}.pdf", headers=headers)
    assert answer.status_code == 200
    assert answer["Content-Type"] == "application/pdf"
    assert answer["Content-Disposition"] == f'attachment; filename="acme-{march.number}.pdf"'
    assert answer["Content-Language"] == language
    assert answer["ETag"] == f'"{march.document_sha256}-{language}"'
    assert "Accept-Language" in answer["Vary"]
    assert answer["Cache-Control"] == "private, no-cache"
    text = PdfReader(io.BytesIO(answer.content)).pages[0].extract_text()
    assert title in text
    assert march.document_sha256 in text


def test_the_csv_is_the_lines(client, march, reader):
    answer = client.get(f"{ADDRESS}/{march.number}.csv", headers=reader)
    assert answer.status_code == 200
    assert answer["Content-Type"] == "text/csv; charset=utf-8; header=present"
    assert answer["ETag"] == f'"{march.document_sha256}"'
    bounds = "2026-02-28T16:00:00Z,2026-03-31T16:00:00Z"
    assert answer.content.decode().split("\r\n")[1:] == [
        f'{march.number},1,on_demand,"Offload use, cpu-4x8",cpu-4x8,{bounds},1380,0.42,0.16,USD,',
        f'{march.number},2,on_demand,"Offload use, gpu-l4",gpu-l4,{bounds},600,1.60,0.27,USD,',
        "",
    ]


@pytest.mark.parametrize("suffix", ["pdf", "csv"])
def test_a_known_file_is_not_sent_again(client, march, reader, suffix):
    address = f"{ADDRESS}/{march.number}.{suffix}"
    etag = client.get(address, headers=reader)["ETag"]
    answer = client.get(address, headers=reader | {"If-None-Match": etag})
    assert (answer.status_code, answer.content, answer["ETag"]) == (304, b"", etag)
    other = client.get(address, headers=reader | {"If-None-Match": '"other"'})
    assert other.status_code == 200


@pytest.mark.parametrize("accept", ["application/pdf", "application/json", "image/png", "*/*"])
def test_the_address_says_the_form_whatever_is_accepted(client, march, reader, accept):
    answer = client.get(f"{ADDRESS}/{march.number}.pdf", headers=reader | {"Accept": accept})
    assert (answer.status_code, answer["Content-Type"]) == (200, "application/pdf")


def test_a_head_says_the_same_without_the_file(client, march, reader):
    answer = client.head(f"{ADDRESS}/{march.number}.csv", headers=reader)
    assert (answer.status_code, answer.content) == (200, b"")
    assert answer["ETag"] == f'"{march.document_sha256}"'


@pytest.mark.parametrize(
    "place",
    [
        "/2026-999999",
        "/2026-999999.pdf",
        "/2026-999999.csv",
        "/%00",
        "/%00.pdf",
        "/..%2f..%2f.csv",
        "/" + "9" * 5000,
        "/2026-999999/lines/1/records",
        "/{number}/lines/0/records",
        "/{number}/lines/3/records",
        "/{number}/lines/99999999999999999999/records",
        "/{number}/lines/-1/records",
        "/%00/lines/1/records",
        "/{number}.xml",
    ],
)
def test_what_does_not_exist_is_404(client, march, reader, place):
    answer = client.get(ADDRESS + place.format(number=march.number), headers=reader)
    assert (answer.status_code, answer["Content-Type"]) == (404, "application/problem+json")


@pytest.mark.parametrize("query", [{"cursor": "x"}, {"page_size": "0"}, {"cursor": "WyJ4Il0="}])
@pytest.mark.parametrize("place", ["", "/{number}/lines/1/records"])
def test_a_senseless_query_is_refused(client, march, reader, place, query):
    answer = client.get(ADDRESS + place.format(number=march.number), query, headers=reader)
    assert answer.status_code == 400


PLACES = ["", "/{number}", "/{number}.pdf", "/{number}.csv", "/{number}/lines/1/records"]


@pytest.mark.parametrize("place", PLACES)
def test_refusals(client, scene, march, place):
    address = ADDRESS + place.format(number=march.number)
    other = make_organization("other").organization
    stranger = {"Authorization": f"Bearer {make_token(other, Scope.BILLING_READ).text}"}
    assert client.get(address).status_code == 401
    assert client.get(address, headers=scene.token(Scope.USAGE_READ)).status_code == 403
    assert client.get(address, headers=stranger).status_code == 404
    for role, status in [(Role.MEMBER, 403), (Role.POLICY_ADMIN, 403), (Role.AUDITOR, 200)]:
        scene.sign_in(client, role)
        assert client.get(address).status_code == status


@pytest.mark.parametrize("place", PLACES[1:])
def test_a_number_opens_the_own_organizations_invoice_only(client, scene, march, place):
    """Numbers are the same in every organization."""
    other = make_customer("other")
    headers = {
        "Authorization": f"Bearer {make_token(other.organization, Scope.BILLING_READ).text}"
    }
    address = f"/api/v1/organizations/other/invoices{place.format(number=march.number)}"
    assert client.get(address, headers=headers).status_code == 404
    assert BillingPeriod.objects.filter(organization=other.organization).exists()
