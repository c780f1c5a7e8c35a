"""The PDF of an invoice: a function of its frozen document and a language.

Set by Typst (PDF/A-3b) in Noto Sans CJK, which is the same on every machine; system fonts are
not looked at, so that the same document gives the same bytes wherever these versions run. The
frozen document itself is attached to the file.
"""

import json
from datetime import datetime
from functools import lru_cache
from importlib.resources import files
from typing import Any, Final

import typst

from billing.domain.documents import read_document
from billing.rendering.invoice_page import invoice_page

MISSING: Final = "\N{WHITE SQUARE}"
"""Stands for a character that no font here can draw (an emoji); PDF/A forbids leaving it out."""

_STANDARD: Final = "a-3b"
_ASCII: Final = frozenset(map(chr, range(0x20, 0x7F)))
_PROBE: Final = b'#set text(font: "Noto Sans CJK SC")\n#sys.inputs.text'


def render_invoice_pdf(body: bytes, *, language: str) -> bytes:
    """Return the PDF of a frozen invoice document in `zh-hans` or `en`.

    Control characters are left out and characters without a glyph become a white square; the
    attached document has them all. Takes some hundredths of a second.

    Raises:
        ValueError: there are no texts in this language.
    """
    page = _printable(invoice_page(body, language=language))
    cutoff = datetime.fromisoformat(read_document(body)["cutoff"])
    try:
        return _compile(page, body, made_at=cutoff)
    except typst.TypstError:
        return _compile(_drawable(page), body, made_at=cutoff)


def _compile(page: Any, body: bytes, *, made_at: datetime) -> bytes:
    return typst.compile(
        _template(),
        font_paths=_fonts(),
        format="pdf",
        pdf_standards=[_STANDARD],
        sys_inputs={
            "page": json.dumps(page, ensure_ascii=False),
            "document": body.decode(),
        },
        timestamp=made_at.replace(microsecond=0),
    )


@lru_cache(maxsize=1)
def _template() -> bytes:
    return files("billing.rendering").joinpath("invoice.typ").read_bytes()


@lru_cache(maxsize=1)
def _fonts() -> typst.Fonts:
    return typst.Fonts(
        include_system_fonts=False,
        include_embedded_fonts=True,
        font_paths=[str(files("manimgx_fonts_cjk"))],
    )


def _printable(value: Any) -> Any:
    """Return the texts of a page without control characters; they have no shape."""
    return _mapped(value, lambda char: char if char.isprintable() or char == " " else "")


def _drawable(value: Any) -> Any:
    return _mapped(value, lambda char: char if _has_glyph(char) else MISSING)


def _mapped(value: Any, change: Any) -> Any:
    if isinstance(value, str):
        return "".join(map(change, value))
    if isinstance(value, dict):
        return {key: _mapped(inner, change) for key, inner in value.items()}
    return [_mapped(inner, change) for inner in value]


@lru_cache(maxsize=65_536)
def _has_glyph(char: str) -> bool:
    """Say whether the compiler can draw a character; asked of the compiler itself."""
    if char in _ASCII:
        return True
    try:
        typst.compile(
            _PROBE,
            font_paths=_fonts(),
            format="pdf",
            pdf_standards=[_STANDARD],
            sys_inputs={"text": char},
        )
    except typst.TypstError:
        return False
    return True
