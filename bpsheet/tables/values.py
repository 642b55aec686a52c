"""The types of values in an experiment file. A wrong value is a problem in plain words."""

from __future__ import annotations

import sys
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, PlainValidator, WithJsonSchema

from bpsheet.tables.plain import plain
from bpsheet.words import shown

__all__ = [
    "BatchSize",
    "Bias",
    "Correct",
    "Count",
    "Formula",
    "Frame",
    "Matrix",
    "Method",
    "Milestones",
    "Name",
    "NotNegative",
    "Order",
    "OutputForm",
    "Per",
    "Positive",
    "Reduction",
    "Row",
    "Scalar",
    "Seed",
    "Share",
    "Whole",
]


def _is_whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _whole_or_all(value: Any) -> int | str:
    value = plain(value)
    if value == "all" or (_is_whole(value) and value >= 1):
        return value  # type: ignore[no-any-return]
    raise ValueError(f'a whole number of at least 1, or "all", expected; got {shown(value)}')


def _order(value: Any) -> str | list[int]:
    value = plain(value)
    if value in ("cyclic", "shuffled"):
        return str(value)
    if isinstance(value, list | tuple | range) and value:
        wrong = [item for item in value if not _is_whole(item)]
        if not wrong:
            return list(value)
        raise ValueError(f"example numbers (from 1) expected; got {shown(wrong[0])}")
    raise ValueError(
        f'"cyclic", "shuffled" or a list of example numbers expected; got {shown(value)}'
    )


def _bias(value: Any) -> bool | float | str | list[float]:
    value = plain(value)
    if isinstance(value, bool) or value == "shared":
        return value  # type: ignore[no-any-return]
    if isinstance(value, int | float) and abs(value) <= sys.float_info.max:
        return float(value)
    if isinstance(value, list | tuple | range):
        for item in value:
            is_number = isinstance(item, int | float) and not isinstance(item, bool)
            if not is_number or not abs(item) <= sys.float_info.max:
                raise ValueError(f"finite numbers expected; got {shown(item)}")
        return [float(item) for item in value]
    raise ValueError(
        'a list with a number for each neuron, one number or "shared" for a bias that all share, '
        f"or false, expected; got {shown(value)}"
    )


def _array(value: Any) -> Any:
    """A number, a list of numbers, or a list of lists of one length."""
    value = plain(value)
    if isinstance(value, list | tuple | range):
        if not value:
            raise ValueError("at least one number expected; got an empty list")
        if all(isinstance(item, list | tuple | range) for item in value):
            rows = [[_finite(item) for item in row] for row in list(value)]
            if len({len(row) for row in rows}) > 1 or not rows[0]:
                raise ValueError("rows of one length expected")
            return rows
        return [_finite(item) for item in value]
    return _finite(value)


def _finite(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        said = f"{shown(value)} (a boolean)" if isinstance(value, bool) else shown(value)
        raise ValueError(f"a number expected; got {said}")  # noqa: TRY004 - what pydantic reports
    if not abs(value) <= sys.float_info.max:
        raise ValueError(f"a finite number expected; got {shown(value)}")
    return float(value)


def _seed(value: Any) -> int:
    value = plain(value)
    if _is_whole(value) and 0 <= value < 2**64:
        return value  # type: ignore[no-any-return]
    raise ValueError(f"a whole number from 0 to 2^64 - 1 expected; got {shown(value)}")


_POSITIVE = {"type": "integer", "minimum": 1}

Per = Literal["update", "epoch"]
Reduction = Literal["sum", "mean"]
OutputForm = Literal["chain_rule", "simplified", "target_minus_output"]
Method = Literal["xavier_uniform", "xavier_normal", "he_uniform", "he_normal", "uniform", "zeros"]
Correct = Literal["threshold", "sign", "largest"]

Formula = Annotated[str, Field(max_length=2000)]
Name = Annotated[str, Field(min_length=1, max_length=60)]
Number = Annotated[float, Field(strict=True, allow_inf_nan=False)]
NumberList = Annotated[list[Number], BeforeValidator(plain)]
Matrix = Annotated[list[NumberList], BeforeValidator(plain)]
Frame = Annotated[
    dict[str, list[Any]],
    WithJsonSchema({"type": "object", "additionalProperties": {"type": "array"}}),
]
Scalar = Annotated[Number, BeforeValidator(plain)]
Positive = Annotated[Number, Field(gt=0), BeforeValidator(plain)]
NotNegative = Annotated[Number, Field(ge=0), BeforeValidator(plain)]
# From 0 to less than 1.
Share = Annotated[Number, Field(ge=0, lt=1), BeforeValidator(plain)]
Milestones = Annotated[list[Positive], BeforeValidator(plain)]
Row = NumberList
Count = Annotated[int, Field(strict=True, ge=1), BeforeValidator(plain)]
Whole = Annotated[int, Field(strict=True, ge=0), BeforeValidator(plain)]
Seed = Annotated[int, PlainValidator(_seed), WithJsonSchema({"type": "integer", "minimum": 0})]
Bias = Annotated[
    bool | float | Literal["shared"] | list[float],
    PlainValidator(_bias),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "boolean"},
                {"type": "number"},
                {"const": "shared"},
                {"type": "array", "items": {"type": "number"}},
            ]
        }
    ),
]
# A number, a vector or a matrix.
Array = Annotated[
    float | list[float] | list[list[float]],
    PlainValidator(_array),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "number"},
                {"type": "array", "items": {"type": "number"}, "minItems": 1},
                {"type": "array", "items": {"type": "array", "items": {"type": "number"}}},
            ]
        }
    ),
]
Shape = Annotated[list[Count], Field(min_length=1, max_length=2), BeforeValidator(plain)]
Order = Annotated[
    Literal["cyclic", "shuffled"] | list[int],
    PlainValidator(_order),
    WithJsonSchema(
        {
            "anyOf": [
                {"enum": ["cyclic", "shuffled"]},
                {"type": "array", "items": _POSITIVE, "minItems": 1},
            ]
        }
    ),
]
BatchSize = Annotated[
    int | Literal["all"],
    PlainValidator(_whole_or_all),
    WithJsonSchema({"anyOf": [_POSITIVE, {"const": "all"}]}),
]
