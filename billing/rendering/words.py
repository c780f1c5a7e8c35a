"""Durations, amounts and instants as a person reads them, in the active language.

Pages and papers both use these, so that one quantity has one spelling. Nothing is rounded: what
is left out is cut off, and the exact value stands beside it.
"""

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final

from django.utils import dateformat
from django.utils.translation import pgettext

from billing.domain.instants import SECOND_US, seconds_text
from billing.domain.money import decimals_of

MINUTE_SECONDS: Final = 60
MILLISECOND_US: Final = 1000


def duration_text(value_us: int) -> str:
    """Return a duration as words of the active language, cut to whole seconds from one on.

    `1 h 23 min 05 s`, `1 小时 23 分 5 秒`; below a second `0.25 s`.
    """
    sign = "\N{MINUS SIGN}" if value_us < 0 else ""
    whole, part = divmod(abs(value_us), SECOND_US)
    if whole == 0 and part:
        shown = part // MILLISECOND_US * MILLISECOND_US if part >= MILLISECOND_US else part
        return sign + pgettext("duration", "{s} s").format(s=seconds_text(shown))
    minutes, s = divmod(whole, MINUTE_SECONDS)
    h, m = divmod(minutes, MINUTE_SECONDS)
    digits = int(pgettext("digits of minutes and seconds after a larger unit", "2"))
    padded = f"{s:0{digits}}"
    if h:
        text = pgettext("duration", "{h} h {m} min {s} s")
        return sign + text.format(h=f"{h:,}", m=f"{m:0{digits}}", s=padded)
    if m:
        return sign + pgettext("duration", "{m} min {s} s").format(m=m, s=padded)
    return sign + pgettext("duration", "{s} s").format(s=s)


def grouped_seconds(value_us: int) -> str:
    """Return exact seconds with thousands separated: `10,973.5`."""
    sign = "\N{MINUS SIGN}" if value_us < 0 else ""
    whole, _, part = seconds_text(abs(value_us)).partition(".")
    grouped = f"{sign}{int(whole):,}"
    return f"{grouped}.{part}" if part else grouped


def amount_text(amount: Decimal, *, currency: str) -> str:
    """Return an amount with the decimals of its currency; more when it holds more, never less."""
    digits = f"{amount.copy_abs():f}"
    whole, _, places = digits.partition(".")
    places = places.rstrip("0").ljust(decimals_of(currency), "0")
    sign = "\N{MINUS SIGN}" if amount < 0 else ""
    return f"{sign}{int(whole):,}.{places}" if places else f"{sign}{int(whole):,}"


def moment_text(local: datetime) -> str:
    """Return a local instant to the minute, with seconds and microseconds where it has any."""
    text = dateformat.format(local, pgettext("date format", "j M Y, H:i"))
    if local.second or local.microsecond:
        text += f":{local:%S}"
    if local.microsecond:
        text += f".{local:%f}".rstrip("0")
    return text


def offset_text(local: datetime) -> str:
    """Return the offset of a local instant: `UTC+08:00`, `UTC`."""
    offset = local.utcoffset() or timedelta(0)
    minutes = abs(offset) // timedelta(minutes=1)
    if not minutes:
        return "UTC"
    sign = "\N{MINUS SIGN}" if offset < timedelta(0) else "+"
    return f"UTC{sign}{minutes // MINUTE_SECONDS:02}:{minutes % MINUTE_SECONDS:02}"
