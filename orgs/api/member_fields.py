"""Members as bodies name them: by e-mail address or id."""

from typing import Final

from orgs.access.json_bodies import Fields
from orgs.domain.names import EMAIL_LENGTH
from orgs.selectors.subjects import find_present_members

NAMED_AT_MOST: Final = 10_000
"""Members of one list in a body."""


def member_named(fields: Fields, name: str, *, organization_id: int) -> int | None:
    """Return the id of the member that a field names; None when left out, or noted as wrong."""
    value = fields.raw(name)
    if value is None:
        return None
    [member_id] = _ids([value], fields, f"/{name}", organization_id=organization_id, is_list=False)
    return member_id


def members_named(
    fields: Fields, name: str, *, organization_id: int, at_most: int = NAMED_AT_MOST
) -> list[int] | None:
    """Return the ids of the members that a list names; None when it is left out.

    What is wrong is noted, each at its place.
    """
    values = fields.raw(name)
    if name not in fields:
        return None
    if not isinstance(values, list) or len(values) > at_most:
        detail = f"{name} is a list of at most {at_most} members, by e-mail address or id."
        fields.refuse(f"/{name}", "invalid", detail)
        return None
    found = _ids(values, fields, f"/{name}", organization_id=organization_id, is_list=True)
    return [member_id for member_id in found if member_id is not None]


def _ids(
    values: list[object], fields: Fields, pointer: str, *, organization_id: int, is_list: bool
) -> list[int | None]:
    subjects = [_subject(value) for value in values]
    known = find_present_members(
        [subject for subject in subjects if subject], organization_id=organization_id
    )
    for index, subject in enumerate(subjects):
        if subject not in known:
            place = f"{pointer}/{index}" if is_list else pointer
            fields.refuse(place, "unknown_member", "There is no such member.")
    return [known.get(subject) for subject in subjects]


def _subject(value: object) -> str:
    """Return the text of an address or id; empty, which names nobody, for anything else."""
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value) if value >= 0 else ""
    is_text = isinstance(value, str) and len(value) <= EMAIL_LENGTH and value.isprintable()
    return str(value) if is_text else ""
