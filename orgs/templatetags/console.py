"""What every page of the console draws with: icons, initials, instants, rights of the viewer."""

from datetime import UTC, date, datetime, tzinfo
from functools import lru_cache
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo

from django import template
from django.conf import settings
from django.utils import dateformat
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import pgettext

from orgs.domain.roles import Capability

register = template.Library()

ICON_FOLDER: Final = "node_modules/@tabler/icons/icons/outline"
MINUTE_SECONDS: Final = 60


@register.simple_tag
def icon(name: str) -> SafeString:
    """Return the named Tabler icon as inline SVG, hidden from assistive technology.

    An icon never stands alone: words stand beside it or in a visually hidden text.
    """
    folder = Path(settings.BASE_DIR) / ICON_FOLDER
    try:
        return _icon(name, folder)
    except FileNotFoundError as error:
        if folder.is_dir():
            raise template.TemplateSyntaxError(f"no Tabler icon is called {name!r}") from error
        return SafeString()  # the assets are not installed: pages work without their looks


@lru_cache(maxsize=256)
def _icon(name: str, folder: Path) -> SafeString:
    """Read the drawing once in a process."""
    text = (folder / f"{name}.svg").read_text(encoding="utf-8")
    body = text[text.index(">", text.index("<svg")) + 1 : text.rindex("</svg>")]
    parts = " ".join(line.strip() for line in body.splitlines() if 'd="M0 0h24v24H0z"' not in line)
    return mark_safe(  # noqa: S308 - the drawing comes from an installed package, not from a person
        '<svg class="icon" viewBox="0 0 24 24" width="18" height="18" fill="none" '
        'stroke="currentColor" stroke-linecap="round" stroke-linejoin="round" '
        f'aria-hidden="true" focusable="false">{parts}</svg>'
    )


@register.filter
def initials(name: str) -> str:
    """Return one or two letters for a name: `Lena Ortiz` LO, `王美` 王美, `u7@x.example` U7."""
    words = name.split("@", maxsplit=1)[0].replace(".", " ").split()
    if not words:
        return "?"
    if not words[0].isascii():
        return words[0][-2:]
    if len(words) == 1:
        return words[0][:2].upper()
    return (words[0][0] + words[-1][0]).upper()


@register.filter
def address(email: str) -> SafeString:
    """Return an e-mail address that breaks behind its @ first when the line is too short."""
    name, at, domain = email.partition("@")
    return format_html("{}<wbr>{}", name + at, domain)


@register.simple_tag(takes_context=True)
def may(context: template.Context, capability: str) -> bool:
    """Whether the viewer holds a capability (`usage:read`) in the organization of the page."""
    actor = getattr(context["request"], "actor", None)
    return actor is not None and actor.may(Capability(capability))


@register.simple_tag(takes_context=True)
def instant(context: template.Context, value: datetime | None, style: str = "minute") -> str:
    """Return an instant in the page's zone (`zone` of the context), exact UTC in its title.

    Styles: `date`, `minute`, `second`, `time` (no date), `exact` (with microseconds).
    """
    if value is None:
        return "\N{EN DASH}"
    return format_html(
        '<time datetime="{}" title="{}">{}</time>',
        utc_text(value),
        utc_text(value),
        instant_text(value, zone=str(context.get("zone", "UTC")), style=style),
    )


def instant_text(value: datetime, *, zone: str, style: str) -> str:
    """Return an instant as a person reads it in `zone`, in the active language."""
    local = value.astimezone(ZoneInfo(zone))
    if style == "exact":
        return f"{local:%H:%M:%S.%f}"
    return dateformat.format(local, _formats()[style])


def utc_text(value: datetime) -> str:
    """Return an instant as RFC 3339 in UTC."""
    return value.astimezone(UTC).isoformat().replace("+00:00", "Z")


@register.filter
def day(value: date, style: str = "date") -> str:
    """Return a calendar day in the active language; styles `date`, `short`, `weekday`, `month`."""
    return dateformat.format(value, _formats()[style])


def _formats() -> dict[str, str]:
    return {
        "date": pgettext("date format", "j M Y"),
        "short": pgettext("date format", "j M"),
        "weekday": pgettext("date format", "D, j M Y"),
        "month": pgettext("date format", "F Y"),
        "minute": pgettext("date format", "j M Y, H:i"),
        "second": pgettext("date format", "j M Y, H:i:s"),
        "short_minute": pgettext("date format", "j M, H:i"),
        "short_second": pgettext("date format", "j M, H:i:s"),
        "time": "H:i:s",
        "clock": "H:i",
    }


@register.filter
def month(label: str) -> str:
    """Return a month written `YYYY-MM` in the active language."""
    return day(date.fromisoformat(f"{label}-01"), "month")


@register.simple_tag(takes_context=True)
def zone_label(context: template.Context, at: datetime | None = None) -> str:
    """Return the zone of the page and its offset: `Asia/Shanghai (UTC+8)`."""
    zone = str(context.get("zone", "UTC"))
    moment = at or context["as_of"]
    return f"{zone} ({offset_text(moment, ZoneInfo(zone))})" if zone != "UTC" else "UTC"


def offset_text(at: datetime, zone: tzinfo) -> str:
    """Return the offset of a zone at an instant: `UTC`, `UTC+8`, `UTC+5:30`."""
    offset = at.astimezone(zone).utcoffset()
    minutes = int(offset.total_seconds()) // MINUTE_SECONDS if offset else 0
    if minutes == 0:
        return "UTC"
    hours, rest = divmod(abs(minutes), MINUTE_SECONDS)
    sign = "+" if minutes > 0 else "\N{MINUS SIGN}"
    return f"UTC{sign}{hours}:{rest:02}" if rest else f"UTC{sign}{hours}"


@register.simple_tag(takes_context=True)
def current_section(context: template.Context, section: str) -> SafeString:
    """Return `aria-current="page"` when the page belongs to a section of the menu."""
    is_here = context.get("section") == section
    return mark_safe(' aria-current="page"') if is_here else mark_safe("")


@register.simple_tag(takes_context=True)
def address_with(context: template.Context, **changes: Any) -> str:
    """Return the query of this page with some parameters set, or left out when empty."""
    query = context["request"].GET.copy()
    for name, value in changes.items():
        query.pop(name, None)
        if value not in ("", None):
            query[name] = str(value)
    return f"?{query.urlencode()}"
