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
        "/api/v1/organizations/{slug}",
        "/api/v1/organizations/{slug}/audit-events",
        "/api/v1/organizations/{slug}/audit-events.csv",
        "/api/v1/organizations/{slug}/audit-events.jsonl",
        "/api/v1/organizations/{slug}/invoices",
        "/api/v1/organizations/{slug}/invoices/{number}",
        "/api/v1/organizations/{slug}/invoices/{number}.csv",
        "/api/v1/organizations/{slug}/invoices/{number}.pdf",
        "/api/v1/organizations/{slug}/invoices/{number}/lines/{n}/records",
        "/api/v1/organizations/{slug}/sessions",
        "/api/v1/organizations/{slug}/sessions/{session_id}",
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


def test_the_pages_for_people_are_served_from_here(client):
    answer = client.get("/api/v1/docs")
    assert answer.status_code == 200
    assert b"https://" not in answer.content
