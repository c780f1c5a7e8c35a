"""The policy as Docker's settings file: download it, or let one fill the form."""

from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext

from orgs.access.policy_form import PolicyForm
from orgs.access.settings_files import BYTES_AT_MOST, FILE_NAME, read_settings_file
from orgs.domain.admin_settings import InvalidAdminSettings, write_admin_settings
from orgs.web.policy import PolicyPage


class SettingsFilePage(PolicyPage):
    """`/o/<slug>/policy/admin-settings.json`: a GET downloads the rules in force.

    A POST of a file shows the policy's form as the file would have it, with the impact beside
    it; nothing is saved before somebody says so. What can't be read is named by its line.
    """

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Download the rules in force."""
        self._require_reader()
        return HttpResponse(
            write_admin_settings(self.policy.rules),
            content_type="application/json",
            headers={"Content-Disposition": f'attachment; filename="{FILE_NAME}"'},
        )

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Show the form as the file would have it."""
        if not self.may_write:
            raise PermissionDenied
        form = PolicyForm.of(self.policy.rules, revision=self.policy.revision)
        file = request.FILES.get("file")
        content = file.read(BYTES_AT_MOST + 1) if file is not None else b""
        try:
            found = read_settings_file(content)
        except InvalidAdminSettings as invalid:
            return self._again(form, file_errors=invalid.errors)
        form = PolicyForm.of(found.rules, revision=self.policy.revision)
        form = PolicyForm(
            states=form.states,
            bounds=form.bounds,
            is_locked=form.is_locked,
            reason=gettext("Import of {file}").format(file=FILE_NAME),
            revision=form.revision,
        )
        context = self.get_context_data(form=form, imported=True, ignored=found.ignored)
        return self.render_to_response(context)
