"""What use costs: accounts, events, sessions, records, rates, periods, invoices.

Models depend on `orgs.models` and on nothing else; rules live in `billing.domain`.
"""

from billing.models.accounts import BillingAccount
from billing.models.billed_usage import BilledUsage
from billing.models.events import Quarantine, SessionEvent
from billing.models.invoices import Invoice, InvoiceCounter, InvoiceLine
from billing.models.machines import Machine
from billing.models.periods import BillingPeriod
from billing.models.rates import Price, RateCard
from billing.models.records import UsageRecord
from billing.models.sessions import OffloadSession, SessionStretch
from billing.models.streams import Stream, StreamMark

__all__ = [
    "BilledUsage",
    "BillingAccount",
    "BillingPeriod",
    "Invoice",
    "InvoiceCounter",
    "InvoiceLine",
    "Machine",
    "OffloadSession",
    "Price",
    "Quarantine",
    "RateCard",
    "SessionEvent",
    "SessionStretch",
    "Stream",
    "StreamMark",
    "UsageRecord",
]
