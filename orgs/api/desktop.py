"""`/api/v1/desktop/settings` and `/api/v1/desktop/preferences`."""

import hashlib
from http import HTTPStatus
from typing import Any, Final

import msgspec
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework import serializers
from rest_framework.request import Request

from orgs.access.desktop_polls import CACHE_HEADERS, MEMORY, matches, not_modified
from orgs.access.desktops import DESKTOP_AUTH, DesktopAPIView
from orgs.access.json_bodies import SmallJson
from orgs.access.problems import FieldError, Problem
from orgs.access.tokens import refused_token
from orgs.domain.names import SLUG_PATTERN
from orgs.domain.policy_documents import InvalidPolicy, read_choices
from orgs.domain.rules import (
    IDLE_TIMEOUT_MAXIMUM_SECONDS,
    IDLE_TIMEOUT_MINIMUM_SECONDS,
    SpendingState,
    SwitchState,
)
from orgs.domain.settings_documents import desktop_document
from orgs.domain.trace import Level, Reason
from orgs.selectors.tokens import TokenRefused
from orgs.services.audit import recording
from orgs.services.choices import MemberHasLeft, SettingLocked, choose
from orgs.services.effective_settings import ensure_settings

ETAG_BYTES: Final = 16
"""Bytes of a document's SHA-256 that make its ETag."""

_SECONDS: Final[dict[str, Any]] = {
    "min_value": IDLE_TIMEOUT_MINIMUM_SECONDS,
    "max_value": IDLE_TIMEOUT_MAXIMUM_SECONDS,
}


class SourceSerializer(serializers.Serializer[Any]):
    """The level that gave a value; `name` is the organization's, team's or exception's."""

    level = serializers.ChoiceField(choices=[level.value for level in Level])
    name = serializers.CharField(required=False)


class SwitchSerializer(serializers.Serializer[Any]):
    """An on/off setting in effect; `chosen` is what the developer chose, null for nothing."""

    value = serializers.BooleanField()
    state = serializers.ChoiceField(choices=[state.value for state in SwitchState])
    locked = serializers.BooleanField()
    chosen = serializers.BooleanField(allow_null=True)
    source = SourceSerializer()  # type: ignore[assignment] # the framework's own has this name
    reasons = serializers.ListField(
        child=serializers.ChoiceField(choices=[reason.value for reason in Reason])
    )


class TimeoutSerializer(serializers.Serializer[Any]):
    """The idle timeout in effect, in seconds; `chosen` may lie outside of the range."""

    value = serializers.IntegerField(**_SECONDS)
    minimum = serializers.IntegerField(**_SECONDS)
    maximum = serializers.IntegerField(**_SECONDS)
    default = serializers.IntegerField(**_SECONDS)
    locked = serializers.BooleanField()
    chosen = serializers.IntegerField(**_SECONDS, allow_null=True)
    source = SourceSerializer()  # type: ignore[assignment] # as above
    reasons = serializers.ListField(
        child=serializers.ChoiceField(choices=[reason.value for reason in Reason])
    )


class EffectiveSettingsSerializer(serializers.Serializer[Any]):
    """What a Desktop obeys."""

    offload_enabled = SwitchSerializer()
    idle_timeout_seconds = TimeoutSerializer()
    gpu_enabled = SwitchSerializer()


class SpendingSerializer(serializers.Serializer[Any]):
    """How the organization stands to its spending limit."""

    state = serializers.ChoiceField(choices=[state.value for state in SpendingState])


class PollSerializer(serializers.Serializer[Any]):
    """When to ask again; `jitter` is the share by which each wait varies by chance."""

    after_seconds = serializers.IntegerField()
    jitter = serializers.FloatField()


class StreamSerializer(serializers.Serializer[Any]):
    """Where hints of changes come from."""

    url = serializers.URLField()


class DesktopSettingsSerializer(serializers.Serializer[Any]):
    """The document of one user; `revision` is the one that last changed it."""

    organization = serializers.RegexField(SLUG_PATTERN)
    user = serializers.EmailField()
    revision = serializers.IntegerField(min_value=0)
    settings = EffectiveSettingsSerializer()
    spending = SpendingSerializer()
    poll = PollSerializer()
    stream = StreamSerializer()
    messages = serializers.ListField(child=serializers.CharField())


class PreferencesSerializer(serializers.Serializer[Any]):
    """What the developer chooses; null takes a choice back, what is left out stays."""

    offload_enabled = serializers.BooleanField(required=False, allow_null=True)
    idle_timeout_seconds = serializers.IntegerField(**_SECONDS, required=False, allow_null=True)
    gpu_enabled = serializers.BooleanField(required=False, allow_null=True)


_ETAG: Final = OpenApiParameter(
    "ETag",
    str,
    OpenApiParameter.HEADER,
    response=[200],
    description="Changes only when this user's document does.",
)


class DesktopSettings(DesktopAPIView):
    """The effective settings of the token's user."""

    @extend_schema(
        operation_id="get_desktop_settings",
        tags=["desktop"],
        auth=DESKTOP_AUTH,
        parameters=[
            OpenApiParameter(
                "If-None-Match",
                str,
                OpenApiParameter.HEADER,
                description="The ETag of the document that the Desktop has.",
            ),
            _ETAG,
        ],
        responses={
            200: DesktopSettingsSerializer,
            304: OpenApiResponse(description="The document is the one that the Desktop has."),
        },
    )
    def get(self, request: Request) -> HttpResponse:
        """Return the effective settings, or 304 while they are those that the Desktop has.

        A change shows within a second. Ask again after `poll.after_seconds`, give or take the
        jitter, or on a hint of the stream.
        """
        answer = _answer(self)
        presented = request.headers.get("If-None-Match", "")
        return not_modified(answer["ETag"]) if matches(presented, answer["ETag"]) else answer


class DesktopPreferences(DesktopAPIView):
    """What the developer chooses in the Desktop."""

    parser_classes = (SmallJson,)

    @extend_schema(
        operation_id="choose_desktop_preferences",
        tags=["desktop"],
        auth=DESKTOP_AUTH,
        parameters=[_ETAG],
        request=PreferencesSerializer,
        responses={200: DesktopSettingsSerializer},
    )
    def patch(self, request: Request) -> HttpResponse:
        """Store choices as chosen, and return the new settings, in which they are clamped.

        A setting that is locked above the developer is refused (409 `setting_locked`), with
        nothing stored.
        """
        if "Transfer-Encoding" in request.headers:  # WSGI would show us an empty body
            raise Problem(411, "length_required", "Send the body with a Content-Length.")
        if request.stream is None:
            raise Problem(400, "malformed_json", "The body is empty.")
        try:
            choices = read_choices(request.data)
            with recording(actor=self.actor, at=timezone.now()) as trail:
                choose(trail=trail, member=self.member, choices=choices)
        except InvalidPolicy as invalid:
            errors = [FieldError(e.pointer, e.code, e.detail) for e in invalid.errors]
            raise Problem(400, "invalid", "The choices are not valid.", errors=errors) from invalid
        except SettingLocked as locked:
            detail = f"{locked.setting.value} is locked by your organization."
            raise Problem(
                409,
                "setting_locked",
                detail,
                errors=[FieldError(f"/{locked.setting.value}", "setting_locked", detail)],
            ) from locked
        except MemberHasLeft as left:
            refused = TokenRefused("token_revoked", "The token was revoked.")
            raise refused_token(refused) from left
        return _answer(self)


def wrong_process(request: HttpRequest) -> HttpResponse:
    """Tell a Desktop that asks the web process for the stream where it is: 421."""
    return Problem(
        HTTPStatus.MISDIRECTED_REQUEST,
        "wrong_process",
        f"The stream is at {settings.DESKTOP_STREAM_URL}.",
        headers={"Location": settings.DESKTOP_STREAM_URL},
    ).response()


def _answer(view: DesktopAPIView) -> HttpResponse:
    """Return the document that holds now, with its ETag, and remember it for the next polls."""
    held = ensure_settings(
        organization_id=view.organization.pk, member_id=view.member.pk, at=timezone.now()
    )
    body = msgspec.json.encode(
        desktop_document(
            organization=view.organization.slug,
            user=view.member.email,
            revision=held.version.revision,
            settings=held.version.settings,
            spending=held.version.spending,
            stream_url=settings.DESKTOP_STREAM_URL,
        )
    )
    etag = f'"{hashlib.sha256(body).hexdigest()[: 2 * ETAG_BYTES]}"'
    MEMORY.remember(
        view.token,
        etag=etag,
        generation=view.generations.get(view.organization.pk, 0),
        valid_until=held.valid_until,
    )
    headers = {"ETag": etag} | CACHE_HEADERS
    return HttpResponse(body, content_type="application/json", headers=headers)
