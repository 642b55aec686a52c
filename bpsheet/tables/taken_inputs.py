"""The inputs of an experiment, from the columns of somebody's table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from bpsheet.errors import ExperimentError, Problem
from bpsheet.tables.prepared import raw_inputs, steps_of
from bpsheet.tables.taking import Taking, entries_of, fit_name
from bpsheet.words import counted, listing, strings

__all__ = ["TakenInputs"]

# A column of more different texts than this is no column of categories.
MOST_CATEGORIES = 30


class TakenInputs:
    """Takes the raw inputs, and adds the steps of [[prepare]] that they need, or that are asked for."""

    def __init__(self, tables: dict[str, Any], network: dict[str, Any], taking: Taking) -> None:
        self.tables = tables
        self.network = network
        self.taking = taking

    @property
    def raw(self) -> list[str]:
        """The raw inputs, in the order of the data."""
        return raw_inputs(steps_of(self.tables.get("prepare")), entries_of(self.network, "inputs"))

    def take(self, columns: list[str], others: Sequence[str], scale: str | None) -> None:
        """Take `columns`; where none are named those of the inputs' names, or all but the `others`."""
        table, names = self.taking.table, self.raw
        key = "data.inputs" if columns else self.taking.place
        rest = [name for name in table.columns if name not in others]
        # The columns of an array have no names of their own.
        is_unnamed = rest == [f"x{number + 1}" for number in range(len(rest))]
        if not columns and (not names or (is_unnamed and not set(names) <= set(rest))):
            columns = rest
        fitted = {fit_name(column): column for column in reversed(rest)}
        columns = columns or [n if n in table.columns else fitted.get(n, n) for n in names]
        self.taking.need(columns)
        if not names:
            for column in columns:
                names.append(fit_name(column, names))
            self.network["inputs"] = list(names)
        if len(columns) != len(names):
            said = f"{counted(len(names), 'input')} expected ({listing(names)}); got {len(columns)}"
            raise ExperimentError([Problem(key, said)], table.source)
        plain = entries_of(self.network, "inputs")
        scaled = []
        for column, name in zip(columns, names, strict=True):
            if words := self._words(name) or table.words(column):
                self._categories(column, name, words)
                continue
            self.taking.put(name, column)
            if name in plain:
                scaled.append(name)
        if scale is not None and scaled:
            self._scale(scale, scaled)

    def _words(self, name: str) -> list[str]:
        """What the categories of an input are called, where a step says so already."""
        for step in self.tables.get("prepare") or []:
            if isinstance(step, Mapping) and step.get("of") == [name]:
                return strings(step.get("words"))
        return []

    def _categories(self, column: str, name: str, words: Sequence[str]) -> None:
        """A column of texts: the number of its category, and an input for each category."""
        if len(words) > MOST_CATEGORIES:
            source = self.taking.table.source
            said = f"{source}, {column}: {len(words)} different texts; numbers expected"
            self.taking.refuse(said)
            return
        numbers = {word: float(number) for number, word in enumerate(words, start=1)}
        self.taking.raw[name] = self.taking.numbers(column, numbers)
        told = ", ".join(f"{number:g} is {word}" for word, number in numbers.items())
        self.taking.tell(name, column, told)
        if self._words(name):
            return
        if not self._is_dense:
            said = "it holds texts; only for inputs of dense layers are categories made of them"
            self.taking.refuse(f"{self.taking.table.source}, {column}: {said}")
            return
        names: list[str] = []
        for word in words:
            names.append(fit_name(f"{name}_{word}", names))
        step = {"kind": "one_hot", "of": [name], "names": names, "words": list(words)}
        self._add(step | {"categories": list(numbers.values())})
        self._replace(name, names)

    @property
    def _is_dense(self) -> bool:
        return "graph" not in self.tables and not self.network.get("shapes")

    def _replace(self, name: str, by: Sequence[str]) -> None:
        inputs = self.network["inputs"]
        place = inputs.index(name)
        self.network["inputs"] = [*inputs[:place], *by, *inputs[place + 1 :]]

    def _add(self, step: dict[str, Any]) -> None:
        self.tables["prepare"] = [*(self.tables.get("prepare") or []), step]

    def _scale(self, kind: str, names: Sequence[str]) -> None:
        """A step that scales these inputs. Its constants follow from the examples."""
        if self._is_dense:
            made = [f"{name}_s" for name in names]
            for name, scaled in zip(names, made, strict=True):
                self._replace(name, [scaled])
            self._add({"kind": kind, "of": list(names), "names": made})
            return
        # Formulas, and arrays, have the inputs by their names: the raw ones get others.
        raw = [f"{name}_raw" for name in names]
        for name, other in zip(names, raw, strict=True):
            for kept in (self.taking.raw, self.taking.said):
                if name in kept:
                    kept[other] = kept.pop(name)  # type: ignore[assignment]
        self._add({"kind": kind, "of": raw, "names": list(names)})
