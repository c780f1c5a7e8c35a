"""Money: amounts of one currency, the one rounding, the one way to split and to write an amount.

Amounts are `Decimal`, never `float`, and always carry exactly the decimals of their currency
(ISO 4217: USD 2, JPY 0, KWD 3). Everything here is exact in integers, whatever the ambient
decimal context says, except `round_half_away`: the only function of the product that rounds.
It is called for each invoice line and each tax amount, nowhere else.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Self, TypedDict

# ISO 4217 list one with the amendments up to 180 (BGN left on 2026-01-01), without funds codes
# (BOV, CHE, CHW, CLF, COU, MXV, USN, UYI, UYW), units of account (XDR, XSU, XUA), metals and
# test codes: nobody can pay an invoice in those.
_CODES_BY_DECIMALS = {
    0: "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX VND VUV XAF XOF XPF",
    2: (
        "AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BMD BND BOB BRL BSD BTN BWP BYN BZD CAD "
        "CDF CHF CNY COP CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD "
        "GTQ GYD HKD HNL HTG HUF IDR ILS INR IRR JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL "
        "MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD PAB PEN "
        "PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP "
        "SZL THB TJS TMT TOP TRY TTD TWD TZS UAH USD UYU UZS VED VES WST XCD XCG YER ZAR ZMW ZWG"
    ),
    3: "BHD IQD JOD KWD LYD OMR TND",
}
_DECIMALS = {
    code: decimals for decimals, codes in _CODES_BY_DECIMALS.items() for code in codes.split()
}
CURRENCIES = tuple(sorted(_DECIMALS))
# What the database's amount columns hold before the point; more is a mistake, not a sum of money.
MAXIMUM_DIGITS = 16


class UnknownCurrencyError(ValueError):
    """The code is not that of an active ISO 4217 currency."""


class InexactAmountError(ValueError):
    """The amount is not a finite number of as many digits as its place allows."""


class CurrencyMismatchError(ValueError):
    """Amounts of two currencies met in one sum or document."""


class IndivisibleAmountError(ValueError):
    """An amount is to be split by weights that sum to zero, or among nobody."""


class WireMoney(TypedDict):
    """Money on the wire: `{"amount": "12.34", "currency": "USD"}`."""

    amount: str
    currency: str


def decimals_of(currency: str) -> int:
    """Return the number of decimals of an active ISO 4217 currency.

    Raises:
        UnknownCurrencyError: no such currency.
    """
    try:
        return _DECIMALS[currency]
    except KeyError:
        raise UnknownCurrencyError(f"not an active ISO 4217 currency: {currency!r}") from None


def round_half_away(value: Fraction, *, decimals: int) -> Decimal:
    """Return the nearest number of so many decimals; a tie goes away from zero.

    The one rounding of the product. Exact at any size; the result carries exactly `decimals`
    decimals and is never a negative zero.

    Raises:
        TypeError: the value is not a `Fraction` (nor an `int`); no float gets into money.
    """
    _refuse_inexact(value)
    shifted = abs(Fraction(value)) * 10**decimals
    units = (2 * shifted.numerator + shifted.denominator) // (2 * shifted.denominator)
    return _decimal(-units if value < 0 else units, decimals)


def largest_remainder(
    total: Decimal, weights: Sequence[Fraction | int], *, decimals: int
) -> list[Decimal]:
    """Split a rounded total in proportion to the weights, so that the parts sum to it exactly.

    Each part is its exact share cut down to `decimals`, or one unit above; the units left over go
    to the largest remainders, the earlier of equals first. A weight of zero gets zero; weights
    may be of both signs (corrections), and the parts of `-total` are those of `total` negated.
    This splits a rounded amount and rounds nothing anew.

    Raises:
        IndivisibleAmountError: the weights sum to zero, or there are none, and the total is not 0.
        InexactAmountError: the total has more than `decimals` decimals.
        TypeError: a weight is neither a `Fraction` nor an `int`.
    """
    for weight in weights:
        _refuse_inexact(weight)
    units = _units(total, decimals)
    whole = sum(weights, start=Fraction(0))
    if units == 0:
        return [_decimal(0, decimals)] * len(weights)
    if whole == 0:
        raise IndivisibleAmountError(f"cannot split {total} by weights that sum to zero")
    shares = [Fraction(abs(units)) * weight / whole for weight in weights]
    parts = [share.numerator // share.denominator for share in shares]
    by_remainder = sorted(range(len(shares)), key=lambda i: (parts[i] - shares[i], i))
    for index in by_remainder[: abs(units) - sum(parts)]:
        parts[index] += 1
    return [_decimal(part if units > 0 else -part, decimals) for part in parts]


def decimal_text(value: Decimal, *, decimals: int) -> str:
    """Return an exact decimal as plain text with at least `decimals` places and no idle zeros.

    One number has one text, whatever the scale it was stored with: an hourly price of `0.120000`
    in a currency of two decimals is `0.12`, `0.1250` is `0.125`. Never an exponent.

    Raises:
        InexactAmountError: the value is not a finite number.
    """
    if not value.is_finite():
        raise InexactAmountError(f"not a finite number: {value}")
    whole, _, places = f"{value.copy_abs():f}".partition(".")
    places = places.rstrip("0").ljust(decimals, "0")
    sign = "-" if value < 0 else ""
    return f"{sign}{whole}.{places}" if places else f"{sign}{whole}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Money:
    """An amount of a currency, held with exactly the decimals of the currency.

    Raises:
        UnknownCurrencyError: the currency is not an active one of ISO 4217.
        InexactAmountError: the amount has more decimals than the currency, more than 16 digits
            before the point, or is not finite.
        TypeError: the amount is not a `Decimal`.
    """

    amount: Decimal
    currency: str

    def __post_init__(self) -> None:
        decimals = decimals_of(self.currency)
        object.__setattr__(self, "amount", _decimal(_units(self.amount, decimals), decimals))

    @classmethod
    def from_minor(cls, units: int, *, currency: str) -> Self:
        """Return so many of the currency's smallest units (cents, yen, fils) as money."""
        return cls(amount=_decimal(units, decimals_of(currency)), currency=currency)

    @classmethod
    def zero(cls, currency: str) -> Self:
        """Return nothing of the currency."""
        return cls.from_minor(0, currency=currency)

    @classmethod
    def total(cls, amounts: Iterable["Money"], *, currency: str) -> Self:
        """Return the exact sum of amounts that all are of the currency; nothing sums to zero.

        Raises:
            CurrencyMismatchError: one of them is of another currency.
        """
        total = cls.zero(currency)
        for amount in amounts:
            total += amount
        return total

    @property
    def minor_units(self) -> int:
        """The amount in the currency's smallest units."""
        return _units(self.amount, decimals_of(self.currency))

    def __add__(self, other: "Money") -> Self:
        if self.currency != other.currency:
            raise CurrencyMismatchError(f"cannot add {other.currency} to {self.currency}")
        return self.from_minor(self.minor_units + other.minor_units, currency=self.currency)

    def __neg__(self) -> Self:
        return self.from_minor(-self.minor_units, currency=self.currency)

    def __sub__(self, other: "Money") -> Self:
        return self + -other

    def to_wire(self) -> WireMoney:
        """Return the form of the API and the documents: a decimal string and the currency."""
        return {"amount": f"{self.amount:f}", "currency": self.currency}


def money_from_wire(wire: WireMoney) -> Money:
    """Return the money that `Money.to_wire` wrote.

    Raises:
        UnknownCurrencyError: the currency is not an active one of ISO 4217.
        InexactAmountError: the amount is not a number of the currency's decimals.
    """
    try:
        amount = Decimal(wire["amount"])
    except ArithmeticError as error:
        raise InexactAmountError(f"not an amount: {wire['amount']!r}") from error
    return Money(amount=amount, currency=wire["currency"])


def check_decimals(value: Decimal, *, decimals: int) -> None:
    """Check that a number is a finite `Decimal` of at most so many decimals.

    Raises:
        InexactAmountError: it is not finite, or has more decimals, or over 16 digits before the
            point.
        TypeError: it is not a `Decimal`.
    """
    _units(value, decimals)


def _refuse_inexact(value: Fraction | int) -> None:
    if not isinstance(value, Fraction | int):
        raise TypeError(f"an exact number is needed, not {type(value).__name__}")


def _units(value: Decimal, decimals: int) -> int:
    """Return the value in units of the last decimal, exactly."""
    if not isinstance(value, Decimal):
        raise TypeError(f"an amount is a Decimal, not {type(value).__name__}")
    if not value.is_finite():
        raise InexactAmountError(f"not a finite number: {value}")
    if value and value.adjusted() >= MAXIMUM_DIGITS:
        raise InexactAmountError(f"{value} has more than {MAXIMUM_DIGITS} digits before the point")
    if value and value.adjusted() < -decimals:  # also keeps 1E-999999999 from being expanded
        raise InexactAmountError(f"{value} has more than {decimals} decimals")
    scale: int = 10**decimals
    numerator, denominator = value.as_integer_ratio()
    units, left = divmod(numerator * scale, denominator)
    if left:
        raise InexactAmountError(f"{value} has more than {decimals} decimals")
    return units


def _decimal(units: int, decimals: int) -> Decimal:
    """Return so many units of the last decimal as a number; built from its digits, so exact."""
    digits = tuple(int(digit) for digit in str(abs(units)))
    return Decimal((1 if units < 0 else 0, digits, -decimals))
