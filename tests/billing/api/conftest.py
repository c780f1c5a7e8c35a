"""A customer, a runner's token, and a way to post events with it."""

import json

import pytest
from django.test import Client

from orgs.domain.roles import Scope
from tests.billing.api.metering import BATCH, URL
from tests.factories.orgs import make_token
from tests.factories.usage import Customer, make_customer


@pytest.fixture
def acme() -> Customer:
    return make_customer("acme")


@pytest.fixture
def token(acme) -> str:
    return make_token(acme.organization, Scope.METERING_WRITE).text


@pytest.fixture
def post(token, client: Client):
    def send(body, *, content_type: str = BATCH, bearer: str = token, **headers):
        given = body if isinstance(body, bytes) else json.dumps(body).encode()
        return client.post(
            URL,
            data=given,
            content_type=content_type,
            # the test client names no type for an empty body
            headers={"Authorization": f"Bearer {bearer}", "Content-Type": content_type} | headers,
        )

    return send
