"""The PDF of an invoice, read back by another program."""

import io
import re

import pytest
from pypdf import PdfReader

from billing.domain.invoicing import Party, build_invoice
from billing.domain.periods import period_at
from billing.domain.rating import rate
from billing.rendering.pdf import render_invoice_pdf
from tests.factories.invoices import header, lines
from tests.factories.rating import atom, card

SELLER = Party(
    name="Offload Ltd",
    address="1 Harbour Street\nLondon",
    country="GB",
    tax_id="GB 123 4567 89",
    email="billing@offload.example",
)
HOSTILE = '#panic() ] $x$ \\ "q" *b* <l> // /* @a ```'


def frozen(**changes):
    return build_invoice(header(**({"seller": SELLER} | changes)), lines=lines())


def read(body: bytes, language: str) -> PdfReader:
    return PdfReader(io.BytesIO(render_invoice_pdf(body, language=language)))


def text_of(body: bytes, language: str) -> str:
    pages = [page.extract_text() for page in read(body, language).pages]
    return re.sub(r"\s+", " ", "\n".join(pages))


def test_the_english_page_says_what_the_document_says():
    invoice = frozen()
    text = text_of(invoice.body, "en")
    for said in (
        "Invoice",
        "2026-000001",
        "Offload Ltd 1 Harbour Street London United Kingdom Tax number GB 123 4567 89",
        "阿克梅 南京路 1 上海 China",
        "Issue date 4 Apr 2026",
        "1 Mar 2026, 00:00 – 1 Apr 2026, 00:00 Asia/Shanghai (UTC+08:00)",
        "4 Apr 2026, 08:00:00.000005",
        "Total March 2026 1.07 USD",
        "Price per hour (USD)",
        (
            "1 Offload use, cpu-4x8 On demand – rate card of 1 Jan 2026 "
            "3 h 20 min 00 s 12,000.000001 s 0.12 0.40"
        ),
        (
            "2 Offload use, cpu-4x8 On demand – rate card of 16 Mar 2026 "
            "1 h 00 min 00 s 3,600 s 0.12 0.12"
        ),
        "3 Offload use, gpu-l4 On demand – rate card of 1 Jan 2026 30 min 00 s 1,800 s 1.105 0.55",
        "Subtotal 1.07",
        "Tax 0.00",
        "Total (USD) 1.07",
        invoice.sha256,
        "Page 1 of 1",
    ):
        assert said in text, said


def test_the_chinese_page_says_it_in_chinese():
    invoice = frozen()
    # pypdf sets spaces between Han characters as it likes
    text = text_of(invoice.body, "zh-hans").replace(" ", "")
    for said in (
        "发票",
        "购买方阿克梅南京路1上海中国",
        "2026年3月1日00:00–2026年4月1日00:00Asia/Shanghai(UTC+08:00)",
        "3小时20分0秒12,000.000001秒0.120.40",
        "Offload用量，gpu-l4",
        "合计(USD)1.07",
        "第1页，共1页",
        invoice.sha256,
    ):
        assert said in text, said


@pytest.mark.parametrize("language", ["zh-hans", "en"])
def test_the_same_document_gives_the_same_bytes(language):
    body = frozen().body
    assert render_invoice_pdf(body, language=language) == render_invoice_pdf(
        body, language=language
    )


def test_it_is_pdf_a_3_with_its_fonts_and_the_frozen_document_inside():
    invoice = frozen()
    reader = read(invoice.body, "zh-hans")
    metadata = reader.trailer["/Root"]["/Metadata"].get_object().get_data().decode()
    assert re.search(r"pdfaid:part[>=\"]+3", metadata)
    assert re.search(r"pdfaid:conformance[>=\"]+B", metadata)
    assert reader.metadata.title == "发票 2026-000001"
    assert reader.attachments == {"2026-000001.json": [invoice.body]}
    fonts = reader.pages[0]["/Resources"]["/Font"].values()
    names = {font.get_object()["/BaseFont"].split("+")[-1] for font in fonts}
    assert any(name.startswith("NotoSansCJKsc") for name in names)


def test_text_is_never_markup():
    buyer = Party(name=HOSTILE, address=HOSTILE)
    text = text_of(frozen(buyer=buyer).body, "en")
    assert text.count(HOSTILE) == 2


def test_characters_without_a_glyph_become_a_square_and_the_rest_stays():
    buyer = Party(name="🚀 Raumfahrt AG", address="a\tb\x07c\nd")
    text = text_of(frozen(buyer=buyer).body, "en")
    assert "□ Raumfahrt AG abc d" in text


def test_a_word_longer_than_its_column_breaks_inside_it():
    name = "W" * 120
    reader = read(frozen(buyer=Party(name=name)).body, "en")
    rows = reader.pages[0].extract_text().replace("\u200b", "").split("\n")
    assert sum(row.strip().count("W") for row in rows) == 120
    assert max(row.count("W") for row in rows) <= 20


def test_a_long_invoice_repeats_the_head_of_its_table_on_every_page():
    machines = [f"m{n:02d}" for n in range(90)]
    cards = [card(1, **dict.fromkeys(machines, "1.234567"))]
    use = [
        atom(n, "2026-03-05", 3_600_000_000, machine=machine) for n, machine in enumerate(machines)
    ]
    invoice = build_invoice(header(), lines=rate(use, cards=cards))
    pages = [page.extract_text() for page in read(invoice.body, "en").pages]
    assert len(pages) > 3
    for number, page in enumerate(pages, start=1):
        assert "Price per hour (USD)" in page
        assert f"Page {number} of {len(pages)}" in page
        assert invoice.sha256 in page
    assert all("Invoice 2026-000001" in page for page in pages[1:])
    assert sum(page.count("Offload use, m") for page in pages) == 90
    assert re.search(r"Total \(USD\)\s+110\.70", pages[-1])  # 90 x 1.23


@pytest.mark.parametrize(
    ("zone", "said"),
    [
        ("UTC", "UTC (UTC)"),
        ("Europe/Berlin", "Europe/Berlin (UTC+01:00 – UTC+02:00)"),
        ("America/St_Johns", "America/St_Johns (UTC\N{MINUS SIGN}03:30 – UTC\N{MINUS SIGN}02:30)"),
    ],
)
def test_the_zone_is_printed_with_the_offsets_of_both_ends(zone, said):
    period = period_at(1_773_532_800_000_000, zone=zone)
    assert said in text_of(frozen(period=period).body, "en")


def test_other_languages_are_refused():
    with pytest.raises(ValueError, match="'de'"):
        render_invoice_pdf(frozen().body, language="de")
