"""Diagnosis: the problems of a run, in numbers for each layer and in plain sentences.

>>> import bpsheet as bp
>>> health = bp.load("exploding").run().health()
>>> print(health.sentences[0].partition(": ")[2].partition(". ")[0])
z4_1 is the first (#NUM!)
"""

from __future__ import annotations

from functools import cached_property
from html import escape
from typing import TYPE_CHECKING

import numpy as np

from bpsheet.health.measures import Measures, known, middle
from bpsheet.health.sentences import sentences_of
from bpsheet.health.spread import spread
from bpsheet.runs.cards import card

if TYPE_CHECKING:
    import pandas as pd

    from bpsheet.runs.run import Run

__all__ = ["Health", "diagnose"]

NOTHING = "No problem was found."


class Health:
    """The diagnosis of a run. It prints as sentences; its numbers are DataFrames.

    >>> import bpsheet as bp
    >>> health = bp.load("two-neuron").run().health()
    >>> print(health)
    No problem was found.
    >>> health.frame["weights"].tolist()
    [3, 2]
    """

    def __init__(self, trace: Run) -> None:
        self._measures = Measures(trace.program, trace.values, uphill=trace.experiment.uphill)
        self._reached = spread(trace.program, trace.recording)

    @cached_property
    def sentences(self) -> list[str]:
        """The problems of the run, the worst first: what, where, since when, and what to try.

        Empty for a run without problems. Doubtful problems are left out.
        """
        return sentences_of(self._measures, self._reached)

    def __str__(self) -> str:
        return "\n".join(self.sentences) or NOTHING

    def __repr__(self) -> str:
        return f"<Health: {len(self.sentences)} sentences>\n{self}"

    def _repr_html_(self) -> str:
        lines = [f"<p>{escape(sentence)}</p>" for sentence in self.sentences or [NOTHING]]
        table = self.frame.to_html(
            border=0, index_names=False, float_format="{:.3g}".format, na_rep=""
        )
        return card([*lines, table])

    @cached_property
    def frame(self) -> pd.DataFrame:
        """The table of the layers, a row for each (one row for formulas without layers).

        neurons:        the names of the neurons
        weights:        the number of weights, biases included
        weights_first, weights_last: the length of the weights (the root of the sum of squares)
        gradient_first, gradient, gradient_last: the length of the gradient at the first update,
                        its median, and at the last update before an overflow; in batches the
                        gradient of the whole batch
        step, step_last: the length of the adjustment divided by the length of the weights, its
                        median and at the last update before an overflow
        to_next:        the median gradient divided by that of the next layer
        saturated:      the share of rows in which a neuron's activation was flat, on average over
                        the neurons; NaN for an activation without a flat part
        dead:           the neurons that have no gradient up to the end
        """
        import pandas as pd

        measures, rows = self._measures, []
        medians = [middle(gradient) for gradient in measures.gradients]
        for index, group in enumerate(measures.groups):
            weights, gradient = known(measures.weights[index]), known(measures.gradients[index])
            steps = known(measures.steps[index])
            neurons = [neuron for neuron in measures.neurons if neuron.group == index]
            after = medians[index + 1] if index + 1 < len(medians) else np.nan
            shares = [neuron.saturated for neuron in neurons]
            rows.append(
                {
                    "neurons": ", ".join(group.neurons),
                    "weights": len(group.weights),
                    "weights_first": weights[0] if len(weights) else np.nan,
                    "weights_last": weights[-1] if len(weights) else np.nan,
                    "gradient_first": gradient[0] if len(gradient) else np.nan,
                    "gradient": medians[index],
                    "gradient_last": gradient[-1] if len(gradient) else np.nan,
                    "step": middle(steps),
                    "step_last": steps[-1] if len(steps) else np.nan,
                    "to_next": medians[index] / after if after > 0 else np.nan,
                    "saturated": float(np.mean(shares)) if shares else np.nan,
                    "dead": ", ".join(n.name for n in neurons if n.dead_since is not None),
                }
            )
        labels = [group.label for group in measures.groups]
        return pd.DataFrame(rows, index=pd.Index(labels, name="layer"))

    @cached_property
    def neurons(self) -> pd.DataFrame:
        """The table of the neurons whose activation has a flat part, a row for each.

        layer:      the name of the layer
        saturated:  the share of rows in which the activation was flat
        dead_since: the iteration from which the neuron has no gradient up to the end, or NA
        """
        import pandas as pd

        neurons = self._measures.neurons
        return pd.DataFrame(
            {
                "layer": [self._measures.groups[neuron.group].label for neuron in neurons],
                "saturated": np.array([neuron.saturated for neuron in neurons], dtype=float),
                "dead_since": pd.array(
                    [None if n.dead_since is None else n.dead_since + 1 for n in neurons],
                    dtype="Int64",
                ),
            },
            index=pd.Index([neuron.name for neuron in neurons], name="neuron", dtype="str"),
        )

    @cached_property
    def over_time(self) -> pd.DataFrame:
        """The measures over the run: a row for each update, with columns (measure, layer).

        The index is the iteration. The measures are `weights`, `gradient` and `step`, as in
        `frame`; they are NaN after an overflow. `health.over_time["gradient"].plot(logy=True)`
        draws the gradients.
        """
        import pandas as pd

        measures = self._measures
        parts = {
            "weights": measures.weights,
            "gradient": measures.gradients,
            "step": measures.steps,
        }
        labels = [group.label for group in measures.groups]
        columns = pd.MultiIndex.from_product([list(parts), labels], names=["measure", "layer"])
        arrays = [array for part in parts.values() for array in part]
        values = np.column_stack(arrays) if arrays else np.empty((len(measures.updates), 0))
        index = pd.Index(measures.updates + 1, name="iteration")
        return pd.DataFrame(values, index=index, columns=columns, copy=False)

    @cached_property
    def spread(self) -> pd.DataFrame:
        """The spread of an overflow: a row for each column that became an error, in that order.

        iteration: the first iteration with the error
        column:    the name of the column
        error:     the error's name, such as #NUM!
        through:   the column from which the error came; "" for a column that overflowed itself

        The table has no rows where nothing overflowed.
        """
        import pandas as pd

        return pd.DataFrame(
            {
                "iteration": np.array([one.iteration for one in self._reached], dtype=np.int64),
                "column": [one.column.name for one in self._reached],
                "error": [one.error for one in self._reached],
                "through": [one.through for one in self._reached],
            }
        )


def diagnose(trace: Run) -> Health:
    """The diagnosis of a run."""
    return Health(trace)
