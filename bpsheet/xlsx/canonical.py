"""XML in one canonical form.

openpyxl writes its parts with lxml if that is installed, otherwise with the standard library: the
same tree in different bytes. In the canonical form, the same workbook is the same file.
"""

from __future__ import annotations

import re
from xml.etree.ElementTree import Element, fromstring

from bpsheet.xlsx.markup import escaped, quoted

__all__ = ["canonical", "element_text"]

DECLARATION = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
# The prefixes that Excel uses; readers that know no namespaces look for these.
PREFIXES = {
    "http://schemas.openxmlformats.org/officeDocument/2006/relationships": "r",
    "http://schemas.openxmlformats.org/drawingml/2006/main": "a",
    "http://schemas.openxmlformats.org/drawingml/2006/chart": "c",
    "http://schemas.openxmlformats.org/officeDocument/2006/docPropsVTypes": "vt",
    "http://purl.org/dc/elements/1.1/": "dc",
    "http://purl.org/dc/terms/": "dcterms",
    "http://www.w3.org/2001/XMLSchema-instance": "xsi",
    "http://www.w3.org/XML/1998/namespace": "xml",
    "urn:schemas-microsoft-com:vml": "v",
    "urn:schemas-microsoft-com:office:office": "o",
    "urn:schemas-microsoft-com:office:excel": "x",
}
MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
# The order in the format's first edition, which Excel writes and its validator demands.
FONT = "b i strike condense extend outline shadow u vertAlign sz color name family charset scheme"
FONT_ORDER = {f"{{{MAIN}}}{name}": number for number, name in enumerate(FONT.split())}


def canonical(content: bytes) -> bytes:
    """A part of a package in the canonical form, with the same content."""
    root = fromstring(content)  # noqa: S314 - made by openpyxl a moment ago
    for font in root.iter(f"{{{MAIN}}}font"):
        font[:] = sorted(font, key=lambda child: FONT_ORDER[child.tag])
    writer = _Writer(_namespace(root.tag))
    writer.write(root)
    begin = DECLARATION if content.startswith(b"<?xml") else ""
    # The namespaces are known after everything is written. The first element declares them.
    name = re.match(r"<[^ />]+", writer.parts[0])
    assert name
    first = name[0] + writer.declared() + writer.parts[0][name.end() :]
    return "".join([begin, first, *writer.parts[1:]]).encode()


def element_text(element: Element) -> str:
    """An element that stands inside a part, whose namespace it takes, in the canonical form."""
    writer = _Writer("")
    writer.write(element)
    return "".join(writer.parts)


def _namespace(tag: str) -> str:
    return tag[1:].partition("}")[0] if tag.startswith("{") else ""


class _Writer:
    """Elements as text. Elements of the namespace `home` have no prefix."""

    def __init__(self, home: str) -> None:
        self.home = home
        self.parts: list[str] = []
        self._prefixes: dict[str, str] = {}
        self._tags: dict[str, str] = {}
        self._keys: dict[str, str] = {}

    def declared(self) -> str:
        """The declarations of the namespaces that were used."""
        declared = {f"xmlns:{p}": uri for uri, p in self._prefixes.items() if p != "xml"}
        if self.home:
            declared["xmlns"] = self.home
        return "".join(f" {name}={quoted(declared[name])}" for name in sorted(declared))

    def write(self, element: Element) -> None:
        tags, keys, add = self._tags, self._keys, self.parts.append
        tag = tags.get(element.tag) or self._tag(element.tag)
        begin = f"<{tag}"
        for key, value in element.items():
            begin += f" {keys.get(key) or self._key(key)}={quoted(value)}"
        text = element.text
        if not len(element):
            add(f"{begin}>{escaped(text)}</{tag}>" if text else f"{begin}/>")
            return
        add(f"{begin}>{escaped(text)}" if text else f"{begin}>")
        for child in element:
            self.write(child)
            if child.tail:
                add(escaped(child.tail))
        add(f"</{tag}>")

    def _tag(self, tag: str) -> str:
        namespace = _namespace(tag)
        assert namespace or not self.home, tag
        local = tag.rpartition("}")[2]
        self._tags[tag] = local if namespace == self.home else self._prefixed(namespace, local)
        return self._tags[tag]

    def _key(self, key: str) -> str:
        namespace, local = _namespace(key), key.rpartition("}")[2]
        self._keys[key] = self._prefixed(namespace, local) if namespace else local
        return self._keys[key]

    def _prefixed(self, namespace: str, local: str) -> str:
        prefix = PREFIXES.get(namespace) or f"ns{len(self._prefixes)}"
        return f"{self._prefixes.setdefault(namespace, prefix)}:{local}"
