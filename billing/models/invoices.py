"""Invoices: finalized once, numbered without gaps, frozen by the database."""

from django.db import models
from django.db.models import F, Q

from billing.models.machines import Machine
from billing.models.periods import BillingPeriod
from billing.models.rates import RateCard
from orgs.models import Organization


class InvoiceCounter(models.Model):
    """The last number given in a series and year; its row is locked by the finalizing close."""

    organization = models.ForeignKey(
        Organization, on_delete=models.PROTECT, related_name="+", db_index=False
    )
    series = models.CharField(max_length=8)
    year = models.PositiveSmallIntegerField()
    last_number = models.PositiveIntegerField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["organization", "series", "year"], name="counter_one_per_series_and_year"
            )
        ]

    def __str__(self) -> str:
        return f"{self.series} {self.year}: {self.last_number}"


class Invoice(models.Model):
    """The finalized invoice of one billing period.

    `document` is the frozen canonical JSON, character for character; `document_sha256` is the
    hexadecimal digest of its UTF-8 bytes. PDF and CSV are functions of it.
    """

    class Status(models.TextChoices):
        FINALIZED = "finalized"
        VOIDED = "voided"

    organization = models.ForeignKey(
        Organization, on_delete=models.PROTECT, related_name="invoices", db_index=False
    )
    period = models.ForeignKey(
        BillingPeriod, on_delete=models.PROTECT, related_name="invoices", db_index=False
    )
    series = models.CharField(max_length=8)
    year = models.PositiveSmallIntegerField()
    sequence = models.PositiveIntegerField()
    number = models.CharField(max_length=32)
    status = models.CharField(max_length=12, choices=Status, default=Status.FINALIZED)
    currency = models.CharField(max_length=3)
    subtotal = models.DecimalField(max_digits=20, decimal_places=4)
    tax = models.DecimalField(max_digits=20, decimal_places=4)
    total = models.DecimalField(max_digits=20, decimal_places=4)
    cutoff = models.DateTimeField()
    finalized_at = models.DateTimeField()
    document = models.TextField()
    document_sha256 = models.CharField(max_length=64)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["organization", "series", "year", "sequence"], name="invoice_number_once"
            ),
            models.UniqueConstraint(
                fields=["organization", "number"], name="invoice_printed_number_once"
            ),
            models.UniqueConstraint(
                fields=["organization", "period"],
                condition=~Q(status="voided"),
                name="invoice_one_live_per_period",
            ),
            models.CheckConstraint(
                name="invoice_total_adds_up", condition=Q(total=F("subtotal") + F("tax"))
            ),
        ]

    def __str__(self) -> str:
        return f"invoice {self.number} of organization {self.organization_id}"


class InvoiceLine(models.Model):
    """One line: machine, rate card version, kind, corrected period; one of the two roundings."""

    invoice = models.ForeignKey(
        Invoice, on_delete=models.PROTECT, related_name="lines", db_index=False
    )
    n = models.PositiveIntegerField()
    kind = models.CharField(max_length=16)
    machine = models.ForeignKey(
        Machine, on_delete=models.PROTECT, related_name="+", db_index=False
    )
    rate_card = models.ForeignKey(
        RateCard, on_delete=models.PROTECT, related_name="+", db_index=False
    )
    corrects_period = models.ForeignKey(
        BillingPeriod,
        on_delete=models.PROTECT,
        related_name="+",
        null=True,
        blank=True,
        db_index=False,
    )
    quantity_us = models.BigIntegerField()
    unit_price = models.DecimalField(max_digits=18, decimal_places=6)
    amount = models.DecimalField(max_digits=20, decimal_places=4)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["invoice", "n"], name="line_number_once"),
        ]

    def __str__(self) -> str:
        return f"line {self.n} of invoice {self.invoice_id}"
