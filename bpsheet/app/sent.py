"""What a request brings: a question, and files."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from bpsheet.errors import OutputError

__all__ = ["MOST_BYTES", "MOST_SENT", "Upload", "sent_by"]

# The most bytes of all files that are sent at a time. The page looks before it sends them.
MOST_SENT = 240_000_000
# The most bytes of a request, which has names and a text besides. A larger one is not read.
MOST_BYTES = MOST_SENT + 10_000_000


@dataclass(frozen=True)
class Upload:
    """A file as it was sent: the field, its path as the browser says it, and its bytes."""

    field: str
    path: str
    content: bytes


def sent_by(environ: dict[str, Any]) -> tuple[dict[str, Any], list[Upload]]:
    """The question and the files of a request. Raises OutputError for one that is damaged."""
    import bottle

    class Request(bottle.BaseRequest):  # type: ignore[misc]
        MEMFILE_MAX = MOST_BYTES

    request = Request(environ)
    try:
        asked = json.loads(request.forms.getunicode("asked") or "{}")
        sent = [
            Upload(
                field,
                upload.raw_filename.encode("latin1", "replace").decode("utf-8", "replace"),
                upload.file.read(),
            )
            for field, upload in request.files.allitems()
        ]
    except (ValueError, RecursionError, bottle.HTTPError, bottle.MultipartError) as error:
        raise OutputError(f"what was sent cannot be read ({error})") from None
    if not isinstance(asked, dict):
        raise OutputError("what was sent cannot be read")
    return asked, sent
