"""The fields of the form: one for each key of the experiment file, made from its schema.

A field has a kind, which says how its value is written as text, and the key's description as help.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from bpsheet.tables.datafile import PLAIN_NUMBER

__all__ = ["FieldOf", "UnreadableError", "fields_of", "in_file", "text_of", "value_of"]

DECIMAL_COMMA = re.compile(r"[-+]?[0-9]+,[0-9]+([eE][-+]?[0-9]+)?")


class UnreadableError(ValueError):
    """A text that is no value of its kind. The message says what was expected."""


@dataclass(frozen=True)
class FieldOf:
    """A field of the form.

    kind:    text, lines (a text, or formulas, of several lines), number, whole, choice, names,
             numbers, matrix, or value: anything else, written as in the file
    choices: of a choice; in other kinds words that may stand there, too
    usual:   what holds where the field is empty
    """

    key: str
    label: str
    kind: str
    help: str
    choices: tuple[str, ...] = ()
    usual: str = ""
    is_needed: bool = False
    is_common: bool = False

    @property
    def plain(self) -> dict[str, Any]:
        """The field as the page takes it."""
        return asdict(self)


def fields_of(
    schema: Mapping[str, Any], common: Sequence[str], left_out: Sequence[str] = ()
) -> list[FieldOf]:
    """The fields of a table of the schema: the common ones first, in their order.

    >>> row = {"properties": {"rate": {"type": "number", "default": 0.1, "description": "Its `rate`."}}}
    >>> [(one.label, one.kind, one.usual, one.help) for one in fields_of(row, [])]
    [('Rate', 'number', '0.1', 'Its rate.')]
    """
    properties = schema["properties"]
    keys = [*common, *(key for key in properties if key not in common)]
    needed = schema.get("required", ())
    return [
        _field(key, properties[key], is_needed=key in needed, is_common=key in common)
        for key in keys
        if key not in left_out
    ]


def _field(key: str, schema: Mapping[str, Any], *, is_needed: bool, is_common: bool) -> FieldOf:
    options = [one for one in schema.get("anyOf", [schema]) if one.get("type") != "null"]
    words = tuple(
        str(word)
        for one in options
        for word in one.get("enum", [one["const"]] if "const" in one else [])
        if word is not None
    )
    kind = "lines" if key in ("notes", "forward") else _kind(options)
    usual = schema.get("default")
    return FieldOf(
        key,
        key.replace("_", " ").capitalize(),
        kind,
        re.sub(r"`", "", schema.get("description", "")),
        words,
        "" if usual is None else text_of(usual, kind, words),
        is_needed,
        is_common,
    )


def _kind(options: Sequence[Mapping[str, Any]]) -> str:
    """The kind of a value that may be one of several."""
    kinds = {_single_kind(one) for one in options}
    if kinds == {"choice", "text"}:
        return "text"
    return kinds.pop() if len(kinds) == 1 else "value"


def _single_kind(schema: Mapping[str, Any]) -> str:
    if "enum" in schema or "const" in schema:
        return "choice"
    match schema.get("type"):
        case "boolean":
            return "flag"
        case "integer":
            return "whole"
        case "number":
            return "number"
        case "string":
            return "text"
        case "array":
            inner = schema.get("items", {})
            inside = {"string": "names", "number": "numbers", "integer": "numbers"}
            if inner.get("type") == "array":
                return "matrix"
            return inside.get(inner.get("type"), "value")
    return "value"


def text_of(value: Any, kind: str, words: Sequence[str] = ()) -> str:
    """A value of a table as the text of its field. `words` may stand there without quotes.

    >>> text_of([[0.6, -0.1], [1, 2]], "matrix"), text_of(["x1", "x2"], "names")
    ('0.6  -0.1\\n1  2', 'x1, x2')
    """
    if kind in ("names", "numbers", "matrix", "lines") and isinstance(value, list):
        if kind == "matrix":
            return "\n".join("  ".join(map(in_file, row)) for row in value)
        if kind == "lines":
            return "\n".join(map(str, value))
        return _names_shown(value) if kind == "names" else "  ".join(map(in_file, value))
    if isinstance(value, str):
        return in_file(value) if kind == "value" and value not in words else value
    return in_file(value)


def _names_shown(names: Sequence[str]) -> str:
    """Names with commas between them: `test 00,` where one name has a blank."""
    if any(re.search(r"[,;\n]|^\[", name) for name in names):
        return in_file(list(names))
    shown = ", ".join(map(str, names))
    return f"{shown}," if len(names) == 1 and " " in shown else shown


def in_file(value: Any) -> str:
    """A value as an experiment file writes it, in one line."""
    import tomli_w

    if isinstance(value, dict):
        inside = ", ".join(f"{_key(key)} = {in_file(one)}" for key, one in value.items())
        return f"{{ {inside} }}" if inside else ""
    if isinstance(value, list):
        return f"[{', '.join(map(in_file, value))}]"
    return tomli_w.dumps({"a": value}).removeprefix("a = ").strip()


def _key(key: str) -> str:
    return key if re.fullmatch(r"[A-Za-z0-9_-]+", key) else in_file(key)


def value_of(text: str, field: FieldOf) -> Any:
    """The value of a field's text; None for an empty one. Raises UnreadableError.

    Decimal commas are read where the numbers are separated by something else.
    """
    text = text.strip()
    if not text:
        return None
    match field.kind:
        case "text" | "choice":
            return text
        case "lines":
            return (
                [line.strip() for line in text.split("\n") if line.strip()]
                if (field.key == "forward")
                else text
            )
        case "flag":
            return text == "true"
        case "number" | "whole":
            return _number(text)
        case "names":
            return _names(text)
        case "numbers":
            return _row(text)
        case "matrix":
            return [_row(line) for line in _lines(text)]
    if text in field.choices:
        return text
    try:
        return tomllib.loads(f"a = {text}")["a"]
    except (tomllib.TOMLDecodeError, RecursionError):
        if re.fullmatch(r"[-+0-9.,;eE\s]+", text) and len(text.split()) > 1:
            return _row(text)
        raise UnreadableError(
            "a value as in the file expected: a number, a list such as [0.3, 0.1], true or false, "
            'a text such as "shared", or a table such as { w = 0.5 }'
        ) from None


def _names(text: str) -> list[str]:
    """Names with commas, semicolons or lines between them; without any of these, with blanks.

    >>> _names("x1 x2"), _names("test 00, test 01"), _names("test 00,")
    (['x1', 'x2'], ['test 00', 'test 01'], ['test 00'])
    """
    if text.startswith("["):
        try:
            return [str(name) for name in tomllib.loads(f"a = {text}")["a"]]
        except tomllib.TOMLDecodeError:
            raise UnreadableError('names expected, such as x1, x2 or ["x1", "x2"]') from None
    separator = r"[,;\n]" if re.search(r"[,;\n]", text) else r"\s"
    return [name.strip() for name in re.split(separator, text) if name.strip()]


def _lines(text: str) -> list[str]:
    """The rows of a matrix: lines, or as the file writes them."""
    if text.startswith("[["):
        text = re.sub(r"\]\s*,\s*\[", "\n", text)
    return [line for line in text.split("\n") if line.strip()]


def _row(text: str) -> list[float | int]:
    """Numbers separated by blanks, tabs, semicolons or commas. Raises UnreadableError.

    >>> _row("0,5  -1"), _row("[0.5, -1]"), _row("1,2,3")
    ([0.5, -1], [0.5, -1], [1, 2, 3])
    """
    bare = text.strip("[] \t,")
    parts = [part for part in re.split(r"[\s;]+|,\s+", bare) if part]
    if len(parts) == 1 and DECIMAL_COMMA.fullmatch(parts[0]):
        whole, _, rest = parts[0].partition(",")
        raise UnreadableError(
            f'"{parts[0]}" may be one number or two: write {whole}.{rest}, or {whole} {rest}'
        )
    if len(parts) == 1:
        parts = parts[0].split(",")
    return [_number(part.strip(",")) for part in parts]


def _number(text: str) -> float | int:
    plain = text.replace("−", "-")
    if DECIMAL_COMMA.fullmatch(plain):
        plain = plain.replace(",", ".")
    if re.fullmatch(r"[-+]?[0-9]{1,18}", plain):
        return int(plain)
    if not PLAIN_NUMBER.fullmatch(plain):
        raise UnreadableError(f'a number expected, such as 0.5; got "{text[:40]}"')
    return float(plain)
