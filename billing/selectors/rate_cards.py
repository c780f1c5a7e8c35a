"""Rate cards as values."""

from datetime import datetime

from billing.domain.rating import Price as PriceValue
from billing.domain.rating import RateCardVersion
from billing.models import RateCard


def get_rate_cards(
    *, organization_id: int, recorded_before: datetime | None = None
) -> list[RateCardVersion]:
    """Return the organization's rate cards, oldest first; two queries.

    With `recorded_before` only those that were recorded before that instant.
    """
    cards = RateCard.objects.filter(organization_id=organization_id)
    if recorded_before is not None:
        cards = cards.filter(created_at__lt=recorded_before)
    return [
        RateCardVersion(
            id=card.pk,
            effective_from=card.effective_from,
            currency=card.currency,
            prices={
                price.machine.name: PriceValue(hourly=price.hourly_price, weight=price.weight)
                for price in card.prices.all()
            },
        )
        for card in cards.order_by("effective_from").prefetch_related("prices__machine")
    ]
