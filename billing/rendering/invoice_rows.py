"""Invoices as rows: one for each line, from the frozen documents alone."""

from collections.abc import Iterable, Iterator

from billing.domain.documents import read_document
from billing.rendering.tables import INVOICES
from orgs.rendering.tables import Row, csv_pieces


def invoice_rows(bodies: Iterable[bytes]) -> Iterator[Row]:
    """Yield the rows of the table `INVOICES` for frozen documents, in their order."""
    for body in bodies:
        document = read_document(body)
        period = document["period"]
        for line in document["lines"]:
            yield (
                document["number"],
                line["n"],
                line["kind"],
                line["description"],
                line["machine"],
                period["start"],
                period["end"],
                line["quantity_seconds"],
                line["unit_price"]["amount"],
                line["amount"]["amount"],
                line["amount"]["currency"],
                line["corrects_period"],
            )


def invoice_csv(body: bytes) -> bytes:
    """Return one invoice as CSV; the same bytes for the same document, in no language."""
    return b"".join(csv_pieces(invoice_rows([body]), table=INVOICES))
