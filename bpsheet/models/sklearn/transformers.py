"""The transformers before an estimator, as steps of [[prepare]].

Each transformer takes features by their names and gives others. What stands in the pipeline stands in
the experiment: nothing is multiplied into the first weights.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from bpsheet.models.imported import Draft, Part
from bpsheet.tables.taking import fit_name

__all__ = ["Features", "through"]

Names = list[str]


class Features:
    """The features of a model, from the columns of the data to what the estimator takes.

    raw:   the names of the columns that the model was fitted on
    steps: the steps of [[prepare]], as plain tables
    codes: by raw column the numbers of its categories, where it holds texts or other codes
    """

    def __init__(self, raw: Sequence[str], draft: Draft) -> None:
        self.raw = list(raw)
        self.draft = draft
        self.steps: list[dict[str, Any]] = []
        self.codes: dict[str, dict[Any, float]] = {}
        self.taken: list[str] = list(raw)
        # Whether a layer stands before what comes next.
        self.is_closed = False

    def new(self, name: str) -> str:
        """A name that no feature has."""
        self.taken.append(fit_name(name, self.taken))
        return self.taken[-1]

    def scaled(self, kind: str, features: Names, constants: Mapping[str, Any]) -> Names:
        """Add a step that scales each of some features."""
        if not features:
            return []
        names = [self.new(f"{name.removesuffix('_s')}_s") for name in features]
        numbers = {key: np.asarray(values, float).tolist() for key, values in constants.items()}
        self.steps.append({"kind": kind, "of": list(features), "names": names, **numbers})
        return names

    def code(
        self, feature: str, categories: Sequence[Any], place: str, step: Any
    ) -> dict[Any, float]:
        """The numbers that stand for a feature's categories: of texts 1, 2, …; numbers are their own."""
        if any(
            value is None or (isinstance(value, float) and math.isnan(value))
            for value in categories
        ):
            self.refuse(place, step, f"a missing value as a category of {feature}")
        if not any(isinstance(value, str) for value in categories):
            return {value: float(value) for value in categories if value is not None}
        codes = {value: float(number) for number, value in enumerate(categories, start=1)}
        if feature not in self.raw or self.codes.setdefault(feature, codes) != codes:
            self.refuse(place, step, f"categories of {feature} beside others")
        return codes

    def refuse(self, place: str, step: Any, why: str) -> None:
        """Note what is not covered of a step."""
        self.draft.refuse(place, f"{type(step).__name__}: {why}: not covered")


def through(step: Any, features: Names, place: str, known: Features) -> Names:
    """What a transformer makes of features, by their names. What is not covered is noted.

    `place` is its path in the model, such as `columntransformer.num`.
    """
    if step is None or step == "passthrough":
        return features
    if step == "drop":
        return []
    name = type(step).__name__
    if hasattr(step, "get_support"):
        return [feature for feature, kept in zip(features, step.get_support(), strict=True) if kept]
    reader = READERS.get(name)
    if reader is None or known.is_closed:
        why = "behind a layer of components" if reader is not None else ""
        known.refuse(
            place, step, why or f"known are {', '.join(READERS)}, and selections of features"
        )
        return features
    return reader(step, features, place, known)


def _pipeline(step: Any, features: Names, place: str, known: Features) -> Names:
    for name, inner in step.steps:
        features = through(inner, features, f"{place}.{name}" if place else name, known)
    return features


def _columns(step: Any, features: Names, place: str, known: Features) -> Names:
    made: Names = []
    for name, inner, _ in step.transformers_:
        # The columns as they were found when it was fitted.
        indices = step._transformer_to_input_indices.get(name, ())  # noqa: SLF001
        own = [features[index] for index in indices]
        made += through(inner, own, f"{place}.{name}" if place else name, known)
    return made


def _union(step: Any, features: Names, place: str, known: Features) -> Names:
    if step.transformer_weights:
        known.refuse(place, step, "transformer_weights")
    made: Names = []
    for name, inner in step.transformer_list:
        made += through(inner, features, f"{place}.{name}" if place else name, known)
    return made


def _standard(step: Any, features: Names, _: str, known: Features) -> Names:
    mean = step.mean_ if step.with_mean else np.zeros(len(features))
    sd = step.scale_ if step.with_std else np.ones(len(features))
    return known.scaled("standard", features, {"mean": mean, "sd": sd})


def _min_max(step: Any, features: Names, place: str, known: Features) -> Names:
    if step.clip:
        known.refuse(place, step, "clip=True")
    if tuple(step.feature_range) == (0, 1):
        # Its scale is 1 over the span, and 1 where the span is 0.
        constants = {"least": step.data_min_, "span": 1 / step.scale_}
        return known.scaled("min_max", features, constants)
    constants = {"offset": -step.min_ / step.scale_, "factor": step.scale_}
    return known.scaled("scaled", features, constants)


def _max_abs(step: Any, features: Names, place: str, known: Features) -> Names:
    if getattr(step, "clip", False):
        known.refuse(place, step, "clip=True")
    return known.scaled("max_abs", features, {"largest": step.scale_})


def _robust(step: Any, features: Names, _: str, known: Features) -> Names:
    median = step.center_ if step.with_centering else np.zeros(len(features))
    spread = step.scale_ if step.with_scaling else np.ones(len(features))
    return known.scaled("robust", features, {"median": median, "spread": spread})


def _binary(step: Any, features: Names, _: str, known: Features) -> Names:
    return known.scaled("binary", features, {"threshold": [step.threshold] * len(features)})


def _one_hot(step: Any, features: Names, place: str, known: Features) -> Names:
    if any(one is not None for one in getattr(step, "infrequent_categories_", None) or ()):
        known.refuse(place, step, "infrequent categories")
    dropped = step.drop_idx_ if step.drop_idx_ is not None else [None] * len(features)
    made: Names = []
    for feature, categories, left in zip(features, step.categories_, dropped, strict=True):
        codes = known.code(feature, categories.tolist(), place, step)
        kept = [c for index, c in enumerate(categories.tolist()) if index != left]
        if not kept:
            continue
        names = [known.new(f"{feature}_{_said(category)}") for category in kept]
        table: dict[str, Any] = {"kind": "one_hot", "of": [feature], "names": names}
        table["categories"] = [codes[category] for category in kept]
        if feature in known.codes:
            table["words"] = categories.tolist()
        known.steps.append(table)
        made += names
    return made


def _said(category: Any) -> str:
    return f"{category:.15g}" if isinstance(category, float) else str(category)


def _ordinal(step: Any, features: Names, place: str, known: Features) -> Names:
    """The numbers of categories, from 0."""
    made: Names = []
    for feature, categories in zip(features, step.categories_, strict=True):
        codes = list(known.code(feature, categories.tolist(), place, step).values())
        if codes and codes != [codes[0] + number for number in range(len(codes))]:
            known.refuse(
                place, step, f"categories of {feature} that are not whole numbers in a row"
            )
        first = codes[0] if codes else 0.0
        made += known.scaled("scaled", [feature], {"offset": [first], "factor": [1.0]})
        if feature in known.codes:
            known.steps[-1]["words"] = categories.tolist()
    return made


def _imputer(step: Any, features: Names, place: str, known: Features) -> Names:
    """It changes only what is missing, and examples have no missing numbers."""
    if step.add_indicator:
        known.refuse(place, step, "add_indicator=True")
    return features


def _function(step: Any, features: Names, place: str, known: Features) -> Names:
    if step.func is not None:
        known.refuse(place, step, f"func={getattr(step.func, '__name__', step.func)}")
    return features


def _components(step: Any, features: Names, place: str, known: Features) -> Names:
    """Components are a layer of linear neurons that is never trained."""
    matrix = step.components_
    if getattr(step, "whiten", False):
        matrix = matrix / np.sqrt(step.explained_variance_)[:, np.newaxis]
    mean = getattr(step, "mean_", None)
    bias = np.zeros(len(matrix)) if mean is None else -matrix @ mean
    parts = {"W": Part(f"{place}.components_", matrix), "b": Part("", bias)}
    known.draft.layer("dense", parts, frozen=["W", "b"], units=len(matrix), name="components")
    known.is_closed = True
    return features


READERS: Mapping[str, Callable[[Any, Names, str, Features], Names]] = {
    "StandardScaler": _standard,
    "MinMaxScaler": _min_max,
    "MaxAbsScaler": _max_abs,
    "RobustScaler": _robust,
    "Binarizer": _binary,
    "OneHotEncoder": _one_hot,
    "OrdinalEncoder": _ordinal,
    "ColumnTransformer": _columns,
    "FeatureUnion": _union,
    "Pipeline": _pipeline,
    "SimpleImputer": _imputer,
    "FunctionTransformer": _function,
    "PCA": _components,
    "TruncatedSVD": _components,
}
