"""All tables of an experiment: network or formulas, data, training, tests, names."""

from __future__ import annotations

from functools import cached_property
from typing import Any

from pydantic import ConfigDict, Field, PrivateAttr

from bpsheet.tables.notation import Notation
from bpsheet.tables.spec import Data, Graph, Initial, Network, Test, Training
from bpsheet.tables.table import Spec, without_examples

__all__ = ["Tables"]


def _one_of_two(schema: dict[str, Any]) -> None:
    """Let the JSON schema ask for a network or a graph, and cut its description."""
    without_examples(schema)
    schema["oneOf"] = [{"required": ["network"]}, {"required": ["graph"]}]


class Tables(Spec):
    """What an experiment file says, table by table, before a check whether the tables fit together."""

    model_config = ConfigDict(json_schema_extra=_one_of_two)

    title: str = Field("", description="The text at the top of the sheet.")
    notes: str = Field("", description="What the reader should know: a text on the sheet `About`.")
    network: Network | None = Field(None, description="Inputs, layers and the loss.")
    graph: Graph | None = Field(
        None, description="Instead of a network: your own formulas, their parameters and loss."
    )
    data: Data = Field(description="The examples and their order.")
    training: Training = Field(default_factory=Training, description="The rule and its length.")
    initial: Initial = Field(
        default_factory=Initial, description="How weights that are not given are drawn."
    )
    test: Test | None = Field(None, description="Examples that each row is tested on.")
    notation: Notation = Field(
        default_factory=Notation, description="How this source writes names."
    )
    hand: dict[str, dict[str, str]] = Field(
        default_factory=dict,
        description="Numbers printed in the source, as text: by iteration, then by quantity.",
    )

    # The name under which the experiment was loaded; workbooks are named after it.
    _name: str = PrivateAttr("experiment")

    @property
    def name(self) -> str:
        """The name of the experiment's template, or of its file without the ending."""
        return self._name

    @cached_property
    def data_names(self) -> tuple[str, ...]:
        """The columns of the data: the inputs, then the targets."""
        if self.graph is not None:
            return tuple(self.graph.input_entries)
        assert self.network is not None
        return (*self.network.inputs, *self.network.targets)

    @property
    def example_count(self) -> int:
        """How many examples the data have."""
        return len(self.data.examples or ())

    @property
    def iterations(self) -> int:
        """The number of rows of a run; 0 where the tables do not say, which the checks refuse."""
        training, order = self.training, self.data.order
        if training.iterations is not None:
            return training.iterations
        if training.epochs is not None:
            return training.epochs * self.example_count
        if isinstance(order, list):
            return len(order)
        # Where nothing is trained, each example is presented once.
        is_fixed = self.graph is not None and not self.graph.parameters
        return self.example_count if is_fixed else 0

    def ordered_examples(self) -> list[list[float]]:
        """The examples, inputs before targets. They are unchanged if they do not fit `columns`."""
        examples = self.data.examples or []
        names = self.data_names
        if self.data.columns is None or sorted(self.data.columns) != sorted(names):
            return examples
        if any(len(row) != len(names) for row in examples):
            return examples
        indices = [self.data.columns.index(name) for name in names]
        return [[row[index] for index in indices] for row in examples]
