"""`/organizations/{slug}/policy/admin-settings`: the policy as Docker's own settings file."""

from collections.abc import Mapping
from typing import IO, Any, ClassVar, Final

from django.http import HttpResponse
from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.parsers import BaseParser
from rest_framework.request import Request
from rest_framework.response import Response

from orgs.access.json_bodies import invalid_policy
from orgs.access.problems import FieldError, Problem
from orgs.access.settings_files import BYTES_AT_MOST, FILE_NAME, read_settings_file
from orgs.api.policies import ETAG, IF_MATCH, PolicyView, document_of
from orgs.api.policy_shapes import PolicySerializer
from orgs.domain.admin_settings import InvalidAdminSettings, write_admin_settings
from orgs.domain.policy_documents import InvalidPolicy
from orgs.domain.roles import Capability
from orgs.selectors.policies import get_policy
from orgs.services.audit import recording
from orgs.services.policies import StalePolicy, save_policy

REASON: Final = f"Import of {FILE_NAME}"


class IgnoredSerializer(serializers.Serializer[Any]):
    """A key of the file that says nothing of Offload."""

    line = serializers.IntegerField()
    key = serializers.CharField()


class ImportedSerializer(PolicySerializer):
    """The policy that the file made, and what of it is Docker Desktop's alone."""

    ignored = IgnoredSerializer(many=True)


class RawBody(BaseParser):
    """The bytes of the body, whatever they are."""

    media_type = "application/json"

    def parse(
        self,
        stream: IO[Any],
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> Any:
        """Return the bytes, at most one more than is taken."""
        return bytes(stream.read(BYTES_AT_MOST + 1))


class PolicyFile(PolicyView):
    """The organization's policy as `admin-settings.json`."""

    capabilities: ClassVar = {"GET": Capability.POLICY_READ, "PUT": Capability.POLICY_WRITE}
    parser_classes = (RawBody,)

    @extend_schema(
        operation_id="export_admin_settings",
        tags=["policy"],
        parameters=[ETAG],
        responses={(200, "application/json"): OpenApiTypes.OBJECT},
    )
    def get(self, request: Request, slug: str) -> HttpResponse:
        """Return the rules in force as Docker's settings file, version 2."""
        policy = get_policy(organization_id=self.organization.pk)
        return HttpResponse(
            write_admin_settings(policy.rules),
            content_type="application/json",
            headers={
                "ETag": f'"{policy.revision}"',
                "Content-Disposition": f'attachment; filename="{FILE_NAME}"',
            },
        )

    @extend_schema(
        operation_id="import_admin_settings",
        tags=["policy"],
        parameters=[IF_MATCH, ETAG],
        request={"application/json": OpenApiTypes.OBJECT},
        responses={200: ImportedSerializer},
    )
    def put(self, request: Request, slug: str) -> Response:
        """Put in force what a settings file says of Offload; its other keys are passed over.

        400 `invalid_settings_file` names the line and column of everything that can't be read.
        """
        expected = self.expected_revision(request)
        content: Any = request.data  # the bytes of `RawBody`; the framework's {} for no body
        try:
            found = read_settings_file(content or b"")
            with recording(actor=self.actor, at=timezone.now()) as trail:
                saved = save_policy(
                    trail=trail,
                    rules=found.rules,
                    expected_revision=expected,
                    reason=REASON,
                    **self.scope,
                )
        except InvalidAdminSettings as invalid:
            raise Problem(
                400,
                "invalid_settings_file",
                "The settings file cannot be taken.",
                errors=[
                    FieldError(
                        "/" + error.key.replace(".", "/") if error.key else "",
                        error.code,
                        f"Line {error.line}, column {error.column}: {error.detail}",
                    )
                    for error in invalid.errors
                ],
            ) from invalid
        except InvalidPolicy as invalid:
            raise invalid_policy(invalid.errors, below="/settings") from invalid
        except StalePolicy as stale:
            raise self.stale(stale.current) from stale
        ignored = [{"line": each.line, "key": each.key} for each in found.ignored]
        return Response(
            document_of(saved) | {"ignored": ignored}, headers={"ETag": f'"{saved.revision}"'}
        )
