"""Files that are sent while they are read."""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Final

from django.http import StreamingHttpResponse
from django.utils.cache import patch_vary_headers

CONTENT_TYPES: Final = {
    "csv": "text/csv; charset=utf-8; header=present",
    "jsonl": "application/jsonl; charset=utf-8",
}


def streamed_file(
    pieces: Iterable[bytes], *, slug: str, ending: str, at: datetime
) -> StreamingHttpResponse:
    """Return a download named by organization, kind and day; nobody may keep it for others."""
    name = f"{slug}-audit-{at.astimezone(UTC):%Y-%m-%d}.{ending}"
    answer = StreamingHttpResponse(pieces, content_type=CONTENT_TYPES[ending])
    answer["Content-Disposition"] = f'attachment; filename="{name}"'
    answer["Cache-Control"] = "private, no-store"
    patch_vary_headers(answer, ["Authorization", "Cookie", "Accept-Language"])
    return answer
