"""Time and money on the page: durations, amounts, and the one encoding of time."""

from decimal import Decimal
from typing import Final
from urllib.parse import urlencode

from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext, pgettext

from billing.domain.instants import SECOND_US, seconds_text
from billing.rendering.words import amount_text, duration_text, grouped_seconds
from billing.selectors.usage import UsageFilter, UsageRow

register = template.Library()

TIME_KINDS: Final = ("working", "waiting", "bridged", "idle")


@register.filter
def duration(value_us: int) -> SafeString:
    """Return a duration in the reader's language, its exact seconds in the title.

    `1 h 23 min 05 s`, `1 小时 23 分 5 秒`. What is below a second is cut off, never rounded up.
    """
    exact = gettext("%(seconds)s seconds") % {"seconds": seconds_text(value_us)}
    return format_html('<span class="nowrap" title="{}">{}</span>', exact, duration_text(value_us))


@register.filter
def seconds(value_us: int) -> str:
    """Return exact seconds with thousands separated: `10,973.5`."""
    return grouped_seconds(value_us)


@register.simple_tag
def money(amount: Decimal, currency: str) -> SafeString:
    """Return an amount with its currency's code, grouped: `4,182.60 USD`."""
    return format_html(
        '<span class="money nowrap">{} <abbr>{}</abbr></span>',
        amount_text(amount, currency=currency),
        currency,
    )


@register.simple_tag
def price(amount: Decimal, currency: str) -> SafeString:
    """Return an hourly price: `0.42 USD / h`."""
    text = pgettext("price of an hour", "{price} / h")
    return format_html(
        '<span class="nowrap">{}</span>',
        text.format(price=f"{amount_text(amount, currency=currency)} {currency}"),
    )


@register.inclusion_tag("components/swatch.html")
def swatch(kind: str) -> dict[str, str]:
    """Draw a small sample of a kind of time."""
    return {"kind": kind}


@register.simple_tag
def time_word(kind: str) -> str:
    """Return the word of a kind of time."""
    return {
        "working": gettext("Working"),
        "waiting": gettext("Waiting for idle"),
        "bridged": gettext("Bridged gap"),
        "idle": gettext("Idle"),
    }[kind]


@register.simple_tag
def state_word(state: str) -> str:
    """Return the word of a session's state."""
    return {
        "active": gettext("Active"),
        "idle": gettext("Idle"),
        "ended": gettext("Ended"),
    }[state]


@register.filter
def words(text: str) -> list[str]:
    """Split a constant of a template into its words."""
    return text.split()


@register.filter
def reach(value_seconds: int) -> str:
    """Return how far apart two events of one stretch may be: half the idle timeout and 1 s."""
    return duration_text(value_seconds * (SECOND_US // 2) + SECOND_US)


@register.simple_tag
def amount(value: Decimal | None, currency: str) -> str:
    """Return an amount for a column whose head names the currency."""
    return "" if value is None else amount_text(value, currency=currency)


@register.simple_tag
def grouping_word(group_by: str) -> str:
    """Return the head of a column of groups."""
    return {
        "day": gettext("Day"),
        "member": gettext("Member"),
        "team": gettext("Team"),
        "machine": gettext("Machine"),
    }[group_by]


@register.simple_tag
def grouping_title(group_by: str) -> str:
    """Return the title of a table of groups."""
    return {
        "day": gettext("Usage by day"),
        "member": gettext("Usage by member"),
        "team": gettext("Usage by team"),
        "machine": gettext("Usage by machine"),
    }[group_by]


@register.simple_tag
def usage_link(group_by: str, row: UsageRow, narrowed: UsageFilter) -> str:
    """Return the query of the session list behind a row; empty for members without a team."""
    query = {"from": narrowed.first.isoformat(), "to": narrowed.last.isoformat()}
    for name in ("team", "machine", "member"):
        if getattr(narrowed, name):
            query[name] = getattr(narrowed, name)
    if group_by == "day":
        query |= {"from": row.key.isoformat(), "to": row.key.isoformat()}
    elif not row.handle:
        return ""
    else:
        query[group_by] = row.handle
    return "?" + urlencode(query)


@register.simple_tag
def invoice_status(status: str) -> str:
    """Return the word of an invoice's status."""
    return {"finalized": gettext("Issued"), "voided": gettext("Voided")}[status]
