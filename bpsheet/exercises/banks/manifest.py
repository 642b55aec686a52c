"""An IMS content package: files, and a manifest that says what each of them is."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from xml.sax.saxutils import escape

__all__ = ["Resource", "package"]

SPACE = "http://www.imsglobal.org/xsd/imscp_v1p1"
# A fixed date, so that the same questions give the same bytes.
DATE = (2000, 1, 1, 0, 0, 0)


@dataclass(frozen=True)
class Resource:
    """A part of the package: its identifier, its type, and its files by their paths.

    The first file is the part itself.
    """

    identifier: str
    kind: str
    files: Mapping[str, bytes] = field(default_factory=dict)


def package(resources: Iterable[Resource], schema: str, version: str) -> bytes:
    """The bytes of the package. `schema` and `version` say what kind of package it is."""
    made = list(resources)
    entries = "".join(map(_entry, made))
    manifest = (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f'<manifest xmlns="{SPACE}" identifier="bpsheet">\n'
        f"<metadata><schema>{escape(schema)}</schema>"
        f"<schemaversion>{escape(version)}</schemaversion></metadata>\n"
        f"<organizations/>\n<resources>\n{entries}</resources>\n</manifest>\n"
    )
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as target:
        parts = {"imsmanifest.xml": manifest.encode()}
        for resource in made:
            parts |= resource.files
        for path, content in parts.items():
            info = zipfile.ZipInfo(path, DATE)
            info.compress_type = zipfile.ZIP_DEFLATED
            target.writestr(info, content)
    return out.getvalue()


def _entry(resource: Resource) -> str:
    files = "".join(f'<file href="{escape(path)}"/>' for path in resource.files)
    return (
        f'<resource identifier="{resource.identifier}" type="{resource.kind}" '
        f'href="{escape(next(iter(resource.files)))}">{files}</resource>\n'
    )
