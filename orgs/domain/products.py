"""Docker's plans and products, and what a plan brings with it."""

from enum import StrEnum


class Plan(StrEnum):
    """The subscription of an organization. The text is stored and sent as it is."""

    PERSONAL = "personal"
    PRO = "pro"
    TEAM = "team"
    BUSINESS = "business"


class Product(StrEnum):
    """What an organization can be entitled to. The text is stored and sent as it is."""

    DESKTOP = "desktop"
    HUB = "hub"
    BUILD_CLOUD = "build_cloud"
    SCOUT = "scout"
    TESTCONTAINERS_CLOUD = "testcontainers_cloud"
    OFFLOAD = "offload"


def is_entitled(*, plan: Plan, product: Product) -> bool:
    """Whether `plan` brings `product`: Offload needs Business, every other product comes with any.

    Being entitled does not switch a product on; Offload stays off until an owner enables it.
    """
    return product is not Product.OFFLOAD or plan is Plan.BUSINESS
