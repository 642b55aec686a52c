"""Problems of single values, in the words of the experiment file.

pydantic finds them. Here each becomes a place (`network.layers[1].weights`, counted from 1) and
a sentence.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, get_args

from pydantic import BaseModel, ValidationError

from bpsheet.errors import Problem
from bpsheet.words import near, nearest, place, shown

__all__ = ["translate"]


def translate(error: ValidationError, model: type[BaseModel]) -> list[Problem]:
    """pydantic's errors as problems."""
    return [
        Problem(place(item["loc"]), _sentence(item, model))
        for item in error.errors(include_url=False, include_context=True)
    ]


def _sentence(item: Any, model: type[BaseModel]) -> str:
    kind, value, context = item["type"], item.get("input"), item.get("ctx", {})
    if kind == "extra_forbidden":
        keys = _keys(model, item["loc"][:-1])
        return f"unknown key; {nearest(str(item['loc'][-1]), keys, is_key=True)}"
    if kind == "missing":
        return "missing, and needed"
    if kind == "value_error":
        return str(context["error"])
    expected = {
        "float_type": "a number expected",
        "finite_number": "a finite number expected",
        "int_type": "a whole number expected",
        "int_from_float": "a whole number expected",
        "bool_type": "true or false expected",
        "string_type": "text in quotes expected",
        "list_type": "a list expected",
        "dict_type": "a table expected",
        "model_type": "a table expected",
        "model_attributes_type": "a table expected",
        "literal_error": f"one of {context.get('expected', '')} expected".replace("'", '"'),
        "greater_than_equal": f"a number of at least {_border(context, 'ge')} expected",
        "greater_than": f"a number greater than {_border(context, 'gt')} expected",
        "less_than": f"a number less than {_border(context, 'lt')} expected",
        "string_too_short": "text of at least one character expected",
        "string_too_long": f"at most {context.get('max_length')} characters expected",
    }.get(kind, item["msg"])
    sentence = f"{expected}; got {shown(value)}"
    if kind == "literal_error" and isinstance(value, str):
        hint = near(value, re.findall("'([^']*)'", context.get("expected", "")))
        return sentence if hint is None else f"{sentence}; {hint}"
    return sentence


def _border(context: Mapping[str, Any], key: str) -> str:
    return f"{context[key]:g}" if key in context else ""


def _keys(model: type[BaseModel], location: Sequence[int | str]) -> list[str]:
    """The known keys of the table at a location."""
    current: Any = model
    for part in location:
        if isinstance(part, str):
            current = _model_in(current.model_fields[part].annotation)
            if current is None:
                return []
    return list(current.model_fields)


def _model_in(annotation: Any) -> type[BaseModel] | None:
    """The table's model inside `list[Layer]`, `Test | None` and the like."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    for inner in get_args(annotation):
        if (model := _model_in(inner)) is not None:
            return model
    return None
