"""The OpenAPI document: valid, complete, and true."""

import json

import pytest
import yaml
from django.urls import URLPattern, get_resolver
from drf_spectacular.drainage import GENERATOR_STATS
from drf_spectacular.generators import SchemaGenerator
from openapi_spec_validator import OpenAPIV31SpecValidator

UNDESCRIBED = {"schema", "docs"}
"""The addresses of the document itself."""


@pytest.fixture
def document(client):
    answer = client.get("/api/v1/schema", {"format": "json"})
    assert answer.status_code == 200
    return json.loads(answer.content)


def operations(document):
    return [
        (path, method, operation)
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    ]


def api_addresses(patterns=None, prefix="/"):
    for pattern in patterns or get_resolver().url_patterns:
        address = prefix + str(pattern.pattern)
        if isinstance(pattern, URLPattern):
            if address.startswith("/api/v1/") and pattern.name not in UNDESCRIBED:
                yield address
        else:
            yield from api_addresses(pattern.url_patterns, address)


def test_it_is_a_valid_openapi_3_1_document(document):
    assert document["openapi"] == "3.1.0"
    assert [error.message for error in OpenAPIV31SpecValidator(document).iter_errors()] == []


def test_it_is_yaml_by_default_and_says_the_same(client, document):
    answer = client.get("/api/v1/schema")
    assert answer["Content-Type"].startswith("application/vnd.oai.openapi")
    assert yaml.safe_load(answer.content) == document


def test_it_is_made_without_a_guess():
    GENERATOR_STATS.reset()
    SchemaGenerator().get_schema(request=None, public=True)
    assert not GENERATOR_STATS, (GENERATOR_STATS._warn_cache, GENERATOR_STATS._error_cache)


def test_every_address_of_the_api_is_in_it(document):
    assert len(list(api_addresses())) == len(document["paths"])
    assert set(document["paths"]) == {
        "/api/v1/desktop/check-ins",
        "/api/v1/desktop/preferences",
        "/api/v1/desktop/settings",
        "/api/v1/desktop/stream",
        "/api/v1/desktop/session",
        "/api/v1/organizations/{slug}",
        "/api/v1/organizations/{slug}/devices",
        "/api/v1/organizations/{slug}/devices/{number}",
        "/api/v1/organizations/{slug}/exceptions",
        "/api/v1/organizations/{slug}/exceptions/{number}",
        "/api/v1/organizations/{slug}/exceptions/{number}/approve",
        "/api/v1/organizations/{slug}/exceptions/{number}/refuse",
        "/api/v1/organizations/{slug}/exceptions/{number}/revoke",
        "/api/v1/organizations/{slug}/exceptions/{number}/withdraw",
        "/api/v1/organizations/{slug}/audit-events",
        "/api/v1/organizations/{slug}/audit-events.csv",
        "/api/v1/organizations/{slug}/audit-events.jsonl",
        "/api/v1/organizations/{slug}/invoices",
        "/api/v1/organizations/{slug}/invoices/{number}",
        "/api/v1/organizations/{slug}/invoices/{number}.csv",
        "/api/v1/organizations/{slug}/invoices/{number}.pdf",
        "/api/v1/organizations/{slug}/invoices/{number}/lines/{n}/records",
        "/api/v1/organizations/{slug}/members",
        "/api/v1/organizations/{slug}/members/{number}",
        "/api/v1/organizations/{slug}/members/{number}/effective-settings",
        "/api/v1/organizations/{slug}/policy",
        "/api/v1/organizations/{slug}/policy/admin-settings",
        "/api/v1/organizations/{slug}/policy/preview",
        "/api/v1/organizations/{slug}/policy/revisions",
        "/api/v1/organizations/{slug}/policy/rollback",
        "/api/v1/organizations/{slug}/products",
        "/api/v1/organizations/{slug}/products/{product}",
        "/api/v1/organizations/{slug}/sessions",
        "/api/v1/organizations/{slug}/sessions/{session_id}",
        "/api/v1/organizations/{slug}/teams",
        "/api/v1/organizations/{slug}/teams/order",
        "/api/v1/organizations/{slug}/teams/{team}",
        "/api/v1/organizations/{slug}/teams/{team}/policy",
        "/api/v1/organizations/{slug}/teams/{team}/policy/revisions",
        "/api/v1/organizations/{slug}/teams/{team}/policy/rollback",
        "/api/v1/organizations/{slug}/usage",
        "/api/v1/session-events",
    }


def test_every_operation_tells_its_refusals_and_what_opens_it(document):
    problem = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
    for path, method, operation in operations(document):
        for status in ("400", "401", "403", "404", "default"):
            assert operation["responses"][status]["content"] == problem, (path, method)
        assert {"bearer": []} in operation["security"]
        assert operation["description"].strip()
    schemes = document["components"]["securitySchemes"]
    assert schemes["bearer"]["scheme"] == "bearer"
    assert schemes["cookieAuth"]["in"] == "cookie"


def test_operations_have_names_of_their_own(document):
    names = [operation["operationId"] for _, _, operation in operations(document)]
    assert sorted(set(names)) == sorted(names)


def test_every_list_is_told_as_the_page_that_is_sent(document):
    lists = {
        path: operation["responses"]["200"]["content"]["application/json"]["schema"]
        for path, method, operation in operations(document)
        if method == "get" and "cursor" in {p["name"] for p in operation.get("parameters", [])}
    }
    assert {path.rsplit("/", 1)[1] for path in lists} >= {
        "devices",
        "exceptions",
        "members",
        "teams",
    }
    for path, schema in lists.items():
        page = document["components"]["schemas"][schema["$ref"].rsplit("/", 1)[1]]
        paged = {"results", "next"} & page["properties"].keys()
        # a session pages through its events beside itself
        assert paged == {"results", "next"} or "events_next" in page["properties"], path


def test_reporting_session_events_is_described(document):
    operation = document["paths"]["/api/v1/session-events"]["post"]
    assert set(operation["requestBody"]["content"]) == {
        "application/cloudevents+json",
        "application/cloudevents-batch+json",
    }
    assert {"200", "207"} <= set(operation["responses"])
    batch = operation["requestBody"]["content"]["application/cloudevents-batch+json"]["schema"]
    assert batch["maxItems"] == 1000
    timeout = document["components"]["schemas"]["SessionEvent"]["properties"]["data"][
        "properties"
    ]["idle_timeout_seconds"]
    assert (timeout["minimum"], timeout["maximum"]) == (10, 3600)


def test_only_a_token_opens_the_session_of_a_desktop(document):
    operation = document["paths"]["/api/v1/desktop/session"]["get"]
    assert operation["security"] == [{"bearer": []}]
    shape = document["components"]["schemas"]["CurrentSession"]
    assert set(shape["required"]) == set(shape["properties"]) == {
        "state", "started_at", "idles_at", "purges_at", "billed_seconds", "environment",
    }  # fmt: skip


def test_the_pages_for_people_are_served_from_here(client):
    answer = client.get("/api/v1/docs")
    assert answer.status_code == 200
    assert b"https://" not in answer.content
