"""An invoice as CSV: its frozen document and nothing else."""

from billing.domain.invoicing import build_invoice
from billing.rendering.invoice_rows import invoice_csv
from tests.factories.invoices import header, lines


def test_an_invoice_is_one_row_for_each_line():
    invoice = build_invoice(header(), lines=lines())
    bounds = "2026-02-28T16:00:00Z,2026-03-31T16:00:00Z"
    cpu = f'on_demand,"Offload use, cpu-4x8",cpu-4x8,{bounds}'
    gpu = f'on_demand,"Offload use, gpu-l4",gpu-l4,{bounds}'
    assert invoice_csv(invoice.body).decode().split("\r\n") == [
        (
            "invoice,line,kind,description,machine,period_start,period_end,quantity_seconds,"
            "unit_price,amount,currency,corrects_period"
        ),
        f"2026-000001,1,{cpu},12000.000001,0.12,0.40,USD,",
        f"2026-000001,2,{cpu},3600,0.12,0.12,USD,",
        f"2026-000001,3,{gpu},1800,1.105,0.55,USD,",
        "",
    ]
