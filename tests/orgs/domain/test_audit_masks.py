"""Secrets never reach the log, whatever a service hands over."""

import pytest

from orgs.domain.audit import mask_secrets

TOKEN = "ofo_0123456789abcdefghijABCDEFGHIJ0123456789abcde"


@pytest.mark.parametrize(
    ("diff", "kept"),
    [
        ({"secret": ["a", "b"]}, {"secret": ["***", "***"]}),
        ({"secret": [None, "b"]}, {"secret": [None, "***"]}),
        ({"client_secret": ["b", ""]}, {"client_secret": ["***", ""]}),
        ({"password": [None, 1234]}, {"password": [None, "***"]}),
        ({"has_password": [False, True]}, {"has_password": [False, True]}),
        ({"Private_Key": [None, "x"]}, {"Private_Key": [None, "***"]}),
        (
            {"webhook": [None, {"url": "u", "secret": "s"}]},
            {"webhook": [None, {"url": "u", "secret": "***"}]},
        ),
        ({"secret": [None, {"a": ["s"]}]}, {"secret": [None, {"a": ["***"]}]}),
        ({"note": [None, TOKEN]}, {"note": [None, "***"]}),
        ({"note": [None, f"use {TOKEN}!"]}, {"note": [None, "***"]}),
        ({"note": [None, "whsec_abc"]}, {"note": [None, "***"]}),
        ({"key": [None, "-----BEGIN PRIVATE KEY-----\nx"]}, {"key": [None, "***"]}),
        (
            {"scopes": [None, ["usage:read"]], "token_id": [None, 5]},
            {"scopes": [None, ["usage:read"]], "token_id": [None, 5]},
        ),
        ({"name": ["ofo", "secretary"]}, {"name": ["ofo", "secretary"]}),
        ({}, {}),
    ],
)
def test_a_secret_is_masked_by_its_name_or_its_look(diff, kept):
    assert mask_secrets(diff) == kept
