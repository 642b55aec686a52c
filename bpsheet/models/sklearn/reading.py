"""An estimator or a pipeline of scikit-learn, with its data, as an experiment's tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from bpsheet.errors import ModelError, Problem
from bpsheet.models.assembling import Objective, assembled
from bpsheet.models.imported import Draft, Imported
from bpsheet.models.sklearn.estimators import ESTIMATORS, IN_ORDER, Ending
from bpsheet.models.sklearn.transformers import Features, through
from bpsheet.tables.data import Data
from bpsheet.tables.incoming import Cell, columns_of
from bpsheet.tables.prepared import raw_inputs, steps_of
from bpsheet.tables.taking import fit_name
from bpsheet.words import counted, listing, shown

__all__ = ["read_estimator"]

SOURCE = "this model"
SHUFFLED = "Each epoch has the order in which partial_fit shuffles the examples."
# So many wrong cells are told.
MOST_TOLD = 5


def read_estimator(
    model: Any, data: Any, training: Mapping[str, Any] | None, *, epochs: int
) -> Imported:
    """What an estimator is. See `bpsheet.from_sklearn` for the arguments.

    Raises ModelError with everything that is not covered.
    """
    draft = Draft("scikit-learn", SOURCE)
    *before, (place, last) = _steps(model)
    name = type(last).__name__
    if name not in ESTIMATORS:
        draft.refuse(place or name, f"{name}: not covered; known are {', '.join(ESTIMATORS)}")
    _check_fitted(model, last, draft)
    draft.check()
    features = Features(_raw(model, before, last), draft)
    meanings = dict(zip(features.raw, _their_names(model, before, last), strict=True))
    taken = list(features.raw)
    for path, step in before:
        taken = through(step, taken, path, features)
    table = _Examples(data, features, draft)
    ending = ESTIMATORS[name](last, draft, f"{place}." if place else "", table.count or 1)
    is_trained = table.targets is not None
    objective = Objective(ending.network) if is_trained else None
    own = dict(ending.training) | {"epochs": epochs} if training is None else dict(training)
    if training is not None:
        draft.memory.clear()
    imported = assembled(
        draft,
        [len(taken)],
        [ending.outputs],
        None,
        objective,
        own,
        title=f"{name}, from scikit-learn",
    )
    tables = dict(imported.tables)
    network = dict(tables["network"]) | {"inputs": taken}
    raw = raw_inputs(steps_of(features.steps), taken)
    if features.steps:
        tables["prepare"] = features.steps
    targets = table.targets_of(ending)
    if is_trained:
        network["targets"] = _target_names(ending, table, [*taken, *raw])
        if ending.order is not None:
            ending.notes.append(SHUFFLED if not isinstance(data, Data) else IN_ORDER)
        if ending.notes and training is None:
            tables["notes"] = "\n".join(ending.notes)
    tables["network"] = network
    if isinstance(data, Data):
        tables["data"] = data.model_dump(exclude_unset=True)
    else:
        columns = [table.numbers[name] for name in raw] if table.count else []
        rows = [list(row) for row in zip(*columns, *targets, strict=True)]
        tables["data"] = {"examples": rows}
    if is_trained and training is None and ending.order and not isinstance(data, Data):
        tables["data"]["order"] = ending.order
    said = _of_inputs(raw, meanings, features) | _of_targets(
        network.get("targets", []), ending, table
    )
    if said and not isinstance(data, Data):
        tables["data"]["meanings"] = said
    draft.check()
    return replace(imported, tables=tables)


def _steps(model: Any) -> list[tuple[str, Any]]:
    """The steps of a model with their paths; an estimator by itself is the only one."""
    if type(model).__name__ != "Pipeline":
        return [("", model)]
    steps = [(name, step) for name, step in model.steps if step not in (None, "passthrough")]
    if steps and type(steps[-1][1]).__name__ == "Pipeline":
        place, inner = steps[-1]
        return [*steps[:-1], *((f"{place}.{name}", step) for name, step in _steps(inner))]
    if not steps:
        raise ModelError([Problem("", "a pipeline with an estimator expected")], SOURCE)
    return steps


def _check_fitted(model: Any, last: Any, draft: Draft) -> None:
    if not any(hasattr(last, name) for name in ("coef_", "coefs_")) and not draft.problems:
        said = f"{type(model).__name__} is not fitted; call .fit(X, y) first"
        draft.refuse("", said)
    if not draft.problems and hasattr(getattr(last, "coef_", None), "toarray"):
        draft.refuse("coef_", "a sparse matrix; call .densify() first")


def _count(model: Any, before: Sequence[tuple[str, Any]], last: Any) -> int:
    for step in [*(step for _, step in before), last]:
        if hasattr(step, "n_features_in_"):
            return int(step.n_features_in_)
    return int(model.n_features_in_)


def _their_names(model: Any, before: Sequence[tuple[str, Any]], last: Any) -> list[str]:
    """What the columns are called where the model was fitted; x1, x2, … without names."""
    steps = [model, *(step for _, step in before[:1]), *([] if before else [last])]
    for step in steps:
        if hasattr(step, "feature_names_in_"):
            return [str(name) for name in step.feature_names_in_]
    count = _count(model, before, last)
    return ["x"] if count == 1 else [f"x{number + 1}" for number in range(count)]


def _raw(model: Any, before: Sequence[tuple[str, Any]], last: Any) -> list[str]:
    made: list[str] = []
    for name in _their_names(model, before, last):
        made.append(fit_name(name, made))
    return made


class _Examples:
    """The examples that come with a model.

    count:   how many there are; None without data
    numbers: the numbers of each raw column, its categories as the model numbers them
    targets: the columns of targets, as they came; None without targets
    """

    def __init__(self, data: Any, features: Features, draft: Draft) -> None:
        self.numbers: dict[str, list[float]] = {}
        self.targets: dict[str, list[Cell]] | None = None
        self.count: int | None = None
        self.draft = draft
        if data is None:
            return
        if isinstance(data, Data):
            self.count = len(data.examples or next(iter((data.frame or {}).values()), ()))
            self.targets = {}
            return
        inputs, targets = data if isinstance(data, tuple) else (data, None)
        try:
            columns = columns_of(_dense(inputs))
            if targets is not None:
                self.targets = columns_of(
                    {"target": _dense(targets)} if _is_flat(targets) else targets
                )
                name = getattr(targets, "name", None)
                if _is_flat(targets) and isinstance(name, str):
                    self.targets = {name: self.targets["target"]}
        except ValueError as error:
            raise ModelError([Problem("data", str(error))], SOURCE) from None
        if len(columns) != len(features.raw):
            said = f"{counted(len(features.raw), 'column')} expected ({listing(features.raw)}); got {len(columns)}"
            raise ModelError([Problem("data", said)], SOURCE)
        self.count = len(next(iter(columns.values())))
        lengths = {len(cells) for cells in (self.targets or {}).values()}
        if lengths - {self.count}:
            said = f"a target for each of {counted(self.count, 'example')} expected; got {max(lengths)}"
            raise ModelError([Problem("data", said)], SOURCE)
        for name, cells in zip(features.raw, columns.values(), strict=True):
            self.numbers[name] = self._column(name, cells, features.codes.get(name))

    def _column(
        self, name: str, cells: Sequence[Cell], codes: Mapping[Any, float] | None
    ) -> list[float]:
        found, told = [], 0
        for row, cell in enumerate(cells, start=1):
            value = cell if codes is None else codes.get(cell)
            if not isinstance(value, float):
                told += 1
                kind = "a number" if codes is None else f"one of {listing(list(map(str, codes)))}"
                if told <= MOST_TOLD:
                    got = "nothing" if cell is None else shown(cell)
                    self.draft.refuse("data", f"row {row}, {name}: {kind} expected; got {got}")
            found.append(value if isinstance(value, float) else 0.0)
        return found

    def targets_of(self, ending: Ending) -> list[list[float]]:
        """The targets as the outputs need them."""
        if not self.targets:
            return []
        columns = list(self.targets.values())
        if ending.classes is None or (len(columns) == ending.outputs > 1):
            if len(columns) != ending.outputs:
                said = f"{counted(ending.outputs, 'target')} expected; got {len(columns)}"
                self.draft.refuse("data", said)
                return []
            return [self._column(name, cells, None) for name, cells in self.targets.items()]
        known = [_as_cell(one) for one in ending.classes]
        cells = columns[0]
        for row, cell in enumerate(cells, start=1):
            if cell not in known:
                said = f"row {row}: {shown(cell)} is none of the classes {listing(list(map(_said, known)))}"
                self.draft.refuse("data", said)
                return []
        low, high = ending.pair
        if ending.outputs == 1:
            return [[high if cell == known[1] else low for cell in cells]]
        return [[high if cell == one else low for cell in cells] for one in known]


def _dense(values: Any) -> Any:
    return values.toarray() if hasattr(values, "toarray") else values


def _is_flat(targets: Any) -> bool:
    """Whether targets are one column: a list, a Series, an array of one axis."""
    if hasattr(targets, "ndim"):
        return int(targets.ndim) == 1
    return isinstance(targets, list | tuple) and not any(
        isinstance(t, list | tuple) for t in targets
    )


def _as_cell(value: Any) -> Cell:
    plain = value.item() if hasattr(value, "item") else value
    return plain if isinstance(plain, str) else float(plain)


def _said(cell: Cell) -> str:
    return f"{cell:.15g}" if isinstance(cell, float) else str(cell)


def _target_names(ending: Ending, table: _Examples, taken: Sequence[str]) -> list[str]:
    """The targets' names: of classes the classes' own, where these are names."""
    own = list(table.targets or {})
    stem = own[0] if len(own) == 1 else "target"
    if ending.outputs == 1:
        return [fit_name(stem, taken)]
    texts = [_said(_as_cell(one)) for one in ending.classes or ()]
    names: list[str] = own if len(own) == ending.outputs else texts
    made: list[str] = []
    for number in range(ending.outputs):
        name = names[number] if len(names) == ending.outputs else f"{stem}{number + 1}"
        name = name if any(char.isalpha() for char in name) else f"{stem}_{name}"
        made.append(fit_name(name, [*taken, *made]))
    return made


def _of_inputs(raw: Sequence[str], theirs: Mapping[str, str], features: Features) -> dict[str, str]:
    """What the raw inputs are, where their names do not say it."""
    said = {name: theirs[name] for name in raw if theirs[name] != name}
    for name, codes in features.codes.items():
        if name in raw:
            told = ", ".join(f"{number:g} is {category}" for category, number in codes.items())
            said[name] = f"{said[name]}: {told}" if name in said else told
    return said


def _of_targets(targets: Sequence[str], ending: Ending, table: _Examples) -> dict[str, str]:
    """What the numbers of targets mean, where they stand for classes."""
    if ending.classes is None or len(table.targets or ()) > 1:
        return {}
    texts = [_said(_as_cell(one)) for one in ending.classes]
    low, high = ending.pair
    if len(targets) == 1:
        return {targets[0]: f"{low:g} is {texts[0]}, {high:g} is {texts[1]}"}
    return {
        name: f"{high:g} for the class {text}, else {low:g}"
        for name, text in zip(targets, texts, strict=False)
        if name != text
    }
