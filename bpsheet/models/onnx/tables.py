"""Operators of scikit-learn's pipelines: scalers, codes of categories, linear models and labels."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from bpsheet.models.imported import Part
from bpsheet.models.onnx.at import At, as_text
from bpsheet.models.onnx.cells import Aside, Known, Live, Uncovered, Value
from bpsheet.models.onnx.learning import dense
from bpsheet.models.onnx.numbers import LENGTH, SIZES, reduced, softmax

__all__ = ["TABLES"]

Table = Mapping[str, tuple[str, Callable[..., Any]]]


def _scaler(at: At, x: Value) -> Value:
    offset, scale = np.array(at.get("offset", [0.0])), np.array(at.get("scale", [1.0]))
    given = [
        Known(v, Part(f"{at.node.name}.{k}", v)) for k, v in (("offset", offset), ("scale", scale))
    ]
    return at.pointwise("({0} - {1})*{2}", x, *given, trained=False, meaning="scaled")


def _normalizer(at: At, x: Value) -> Value:
    live = at.live(x)
    last = [live.ids.ndim - 1]
    kind = at.get("norm", "MAX")
    if kind == "L1":
        if _adds_up_to_one(at, live):
            return x
        size = reduced(at, live, last, SIZES, keep=True)
    elif kind == "L2":
        size = reduced(at, live, last, LENGTH, keep=True)
    else:
        raise Uncovered(f"the norm L1 or L2 expected; got {kind}")
    return at.pointwise("{0}/{1}", live, size, meaning="divided by its size")


def _adds_up_to_one(at: At, live: Live) -> bool:
    """Whether these are shares already: of a softmax, or p and 1 - p."""
    ids = live.ids.ravel()
    for piece in at.pieces:
        if any(np.array_equal(block.ids.ravel(), ids) for block in piece.out):
            return piece.template.startswith("softmax(")
    return is_pair(at, ids)


def is_pair(at: At, ids: Any) -> bool:
    """Whether these are two numbers, 1 - p and p."""
    if len(ids) != 2 or (ids < 0).any():
        return False
    one = at.cells.number(1.0)
    for piece in at.pieces:
        if piece.out[0].start == ids[0] and piece.out[0].size == 1:
            operands = [pages[0].ravel().tolist() for pages in piece.operands]
            if piece.template == "1 - {0}" and operands == [[ids[1]]]:
                return True
            return piece.template == "{0} - {1}" and operands == [[one], [ids[1]]]
    return False


def _linear(at: At, x: Value, targets: int) -> Live:
    live = at.live(x)
    if live.ids.ndim == 1:
        live = Live(live.ids.reshape(1, -1))
    coefficients = np.array(at.get("coefficients", []), float)
    size = live.shape[-1]
    if coefficients.size != targets * size:
        raise Uncovered(f"{targets} × {size} coefficients expected; got {coefficients.size}")
    weights = Part(f"{at.node.name}.coefficients", coefficients.reshape(targets, size))
    bias = at.get("intercepts")
    part = None if not bias else Part(f"{at.node.name}.intercepts", np.array(bias, float))
    return dense(at, live, weights, part)


def _regressor(at: At, x: Value) -> Value:
    if at.get("post_transform", "NONE") != "NONE":
        raise Uncovered("no post_transform expected")
    return _linear(at, x, at.get("targets", 1))


def _classifier(at: At, x: Value) -> tuple[Value, Value]:
    labels = at.get("classlabels_ints") or at.get("classlabels_strings") or []
    after = at.get("post_transform", "NONE")
    rows = np.array(at.get("coefficients", []), float)
    bias = np.array(at.get("intercepts") or [], float)
    live = at.live(x)
    size = live.shape[-1]
    is_binary = len(labels) == 2 and after == "LOGISTIC" and rows.size == 2 * size
    if (
        is_binary
        and np.array_equal(rows[:size], -rows[size:])
        and (len(bias) != 2 or bias[0] == -bias[1])
    ):
        # Both rows say the same of one neuron: p is its output, and 1 - p the other's.
        name = at.node.name
        one = Part(f"{name}.coefficients[1:2]", rows.reshape(2, size)[1:2])
        z = dense(at, live, one, Part(f"{name}.intercepts[1:2]", bias[1:2]) if len(bias) else None)
        p = at.pointwise("logistic({0})", z)
        other = at.pointwise("1 - {0}", p)
        scores: Value = Live(np.concatenate([other.ids, p.ids], axis=-1))
    else:
        scores = _linear(at, x, len(labels) or 1)
        if after == "SOFTMAX":
            at.node.attributes["axis"] = -1  # type: ignore[index]
            scores = softmax(at, scores)
        elif after == "LOGISTIC":
            scores = at.pointwise("logistic({0})", scores)
        elif after != "NONE":
            raise Uncovered(f"post_transform NONE, LOGISTIC or SOFTMAX expected; got {after}")
    return Aside(scores if isinstance(scores, Live) else None), scores


def _one_hot(at: At, x: Value) -> Value:
    kinds = at.get("cats_int64s")
    if not kinds:
        raise Uncovered("categories that are numbers expected; texts cannot stand in the data")
    live = at.live(x)
    codes = np.array(kinds, float)
    given = Known(codes, Part(f"{at.node.name}.cats_int64s", codes))
    wide = Live(live.ids[..., np.newaxis])
    return at.pointwise(
        "if({0} = {1}, 1, 0)",
        wide,
        given,
        stem="p",
        trained=False,
        meaning="1 for the category that it is",
    )


def _encoder(at: At, x: Value) -> Value:
    if isinstance(x, Aside):
        return x
    keys, values = (
        at.get("keys_int64s") or at.get("keys_floats"),
        at.get("values_floats") or at.get("values_int64s"),
    )
    if not keys or not values:
        return Aside(x if isinstance(x, Live) else None)
    default = (
        at.get("default_float", 0.0) if at.get("values_floats") else at.get("default_int64", -1)
    )
    text = as_text(default)
    for key, value in reversed(list(zip(keys, values, strict=True))[:16]):
        text = f"if({{0}} = {as_text(key)}, {as_text(value)}, {text})"
    if len(keys) > 16:
        raise Uncovered("at most 16 labels expected")
    return at.pointwise(text, x, meaning="the number of the label")


def _binarizer(at: At, x: Value) -> Value:
    return at.pointwise(f"if({{0}} > {as_text(at.get('threshold', 0.0))}, 1, 0)", x)


def _extractor(at: At, x: Value, places: Value) -> Value:
    if isinstance(places, Aside) or isinstance(x, Aside):
        return places if isinstance(places, Aside) else x
    where = at.whole_numbers(places, "the places")
    return at.moved(x, lambda a: a[..., where])


def _joined(at: At, *values: Value) -> Value:
    live = [at.live(value).ids for value in values]
    return Live(np.concatenate([ids.reshape(1, -1) for ids in live], axis=1))


def _same(_at: At, x: Value) -> Value:
    return x


TABLES: Table = {
    "Scaler": ("(x - offset) scale", _scaler),
    "Normalizer": ("divided by the sum, or the root of the sum of squares", _normalizer),
    "LinearRegressor": ("a dense layer", _regressor),
    "LinearClassifier": ("a dense layer, with logistic or softmax", _classifier),
    "OneHotEncoder": ("1 for the category that it is", _one_hot),
    "LabelEncoder": ("a number for each number", _encoder),
    "Binarizer": ("1 above a threshold", _binarizer),
    "ArrayFeatureExtractor": ("columns by their places", _extractor),
    "FeatureVectorizer": ("columns joined", _joined),
    "Imputer": ("itself: no number is missing", _same),
    "ZipMap": ("the scores without their labels", _same),
}
