"""The targets of a network, from the columns of somebody's table: numbers, or classes."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from bpsheet.errors import ExperimentError, Problem
from bpsheet.tables.incoming import Cell
from bpsheet.tables.taking import Taking, class_text, entries_of, fit_name
from bpsheet.textbook.losses import LOSSES
from bpsheet.textbook.perceptrons import PERCEPTRONS
from bpsheet.words import counted, listing, nearest, shown

__all__ = ["TakenTargets"]


class TakenTargets:
    """Takes the targets as the network's outputs need them.

    names:   the targets
    classes: the class of each example; None for targets that are numbers
    """

    def __init__(self, network: dict[str, Any], taking: Taking) -> None:
        self.network = network
        self.taking = taking
        self.names = entries_of(network, "targets")
        self.classes: list[str] | None = None

    def take(self, columns: Sequence[str], *, is_label: bool) -> None:
        """Take these columns; `is_label` says that the one column holds classes."""
        if not columns:
            said = "missing, and needed: the columns with the targets"
            raise ExperimentError([Problem("data.targets", said)], self.taking.table.source)
        self.taking.need(columns)
        has_classes = is_label or bool(self.taking.table.words(columns[0]))
        if len(columns) == 1 and (has_classes or (self._outputs or 1) > 1):
            self._of_classes(columns[0])
            return
        self._name([fit_name(column) for column in columns])
        if len(columns) != len(self.names):
            said = f"{counted(len(self.names), 'target')} expected ({listing(self.names)}); got {len(columns)}"
            raise ExperimentError([Problem("data.targets", said)], self.taking.table.source)
        for column, name in zip(columns, self.names, strict=True):
            self.taking.put(name, column)
        if len(columns) == 1 and self._is_classifier:
            self._as_pair(columns[0])

    def _name(self, names: Sequence[str]) -> None:
        """Name the targets, where the network does not."""
        if not self.names:
            for name in names:
                self.names.append(fit_name(name, [*self.taking.raw, *self.names]))
            self.network["targets"] = list(self.names)

    @property
    def _last(self) -> Mapping[str, Any]:
        layers = self.network.get("layers")
        last = layers[-1] if isinstance(layers, list) and layers else None
        return last if isinstance(last, Mapping) else {}

    @property
    def _outputs(self) -> int | None:
        """How many outputs the network has; None where its tables do not say."""
        if self.names:
            return len(self.names)
        neurons = self._last.get("neurons")
        count = len(neurons) if isinstance(neurons, list) else self._last.get("units")
        return count if isinstance(count, int) else None

    # Classes

    def _of_classes(self, column: str) -> None:
        """1 for the output of the right class; of two classes with one output, two numbers."""
        texts = self.taking.texts(column)
        self.taking.check()
        self.classes = texts
        if len(self.names) > 1 and set(texts) & set(self.names):
            classes = self.names
            self._check_known(texts)
        else:
            cells = {class_text(cell): cell for cell in self.taking.table.columns[column]}
            classes = sorted(cells, key=lambda text: _sorting(cells[text]))
        if self._outputs == 1:
            self._one_output(column, texts, classes)
            return
        self._name(
            [text if re.search(r"[^\W\d]", text) else f"{column}_{text}" for text in classes]
        )
        count = self._outputs or 0
        if len(classes) != count:
            said = (
                f"{len(classes)} classes ({listing(classes)}), and the network has {count} outputs"
            )
            self.taking.refuse(f"{self.taking.table.source}, {column}: {said}")
            return
        for name, text in zip(self.names, classes, strict=True):
            self.taking.raw[name] = [float(text == other) for other in texts]
            if name != text:
                self.taking.said[name] = f"1 where {column} is {text}, else 0"

    def _check_known(self, texts: Sequence[str]) -> None:
        """Refuse classes that are no targets, where others are."""
        table = self.taking.table
        for row, text in enumerate(texts):
            if text not in self.names:
                said = f"{shown(text)} is none of the targets; {nearest(text, self.names)}"
                self.taking.refuse(f"{table.source}, {table.rows[row]}: {said}")
                self.taking.check()

    def _one_output(self, column: str, texts: Sequence[str], classes: Sequence[str]) -> None:
        self._name([column])
        if len(classes) != 2:
            said = (
                f"{len(classes)} different values ({listing(classes)}): as many outputs expected, "
            )
            said += "or numbers as targets"
            self.taking.refuse(f"{self.taking.table.source}, {column}: {said}")
            return
        low, high = self._pair
        self.taking.raw[self.names[0]] = [high if text == classes[1] else low for text in texts]
        told = f"{low:g} is {classes[0]}, {high:g} is {classes[1]}"
        self.taking.tell(self.names[0], column, told)

    def _as_pair(self, column: str) -> None:
        """Two numbers become the two that a classifier's one output stands for."""
        name = self.names[0]
        numbers = self.taking.raw[name]
        different, (low, high) = sorted(set(numbers)), self._pair
        if len(different) != 2:
            return
        self.classes = list(map(str, numbers))
        if different != [low, high]:
            self.taking.raw[name] = [low if value == different[0] else high for value in numbers]
            told = f"{low:g} is {different[0]:g}, {high:g} is {different[1]:g}"
            self.taking.tell(name, column, told)

    @property
    def _activation(self) -> str:
        return str(self._last.get("activation", "logistic"))

    @property
    def _is_classifier(self) -> bool:
        loss = LOSSES.get(str(self.network.get("loss")))
        has_classes = loss is not None and bool(loss.targets or "logistic" in loss.fits)
        return has_classes or self._activation in PERCEPTRONS

    @property
    def _pair(self) -> tuple[float, float]:
        """The numbers of two classes that the network's one output stands for."""
        loss = LOSSES.get(str(self.network.get("loss")))
        if loss is not None and loss.targets:
            return min(loss.targets), max(loss.targets)
        if self._activation in PERCEPTRONS:
            low, high = PERCEPTRONS[self._activation].targets
            return low, high
        return (-1.0, 1.0) if self._activation == "tanh" else (0.0, 1.0)


def _sorting(cell: Cell) -> tuple[int, float, str]:
    """Numbers by their size, then texts by the alphabet."""
    return (0, cell, "") if isinstance(cell, float) else (1, 0.0, str(cell))
