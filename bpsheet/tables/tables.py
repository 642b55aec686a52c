"""All tables of an experiment: network or formulas, data, training, tests, names."""

from __future__ import annotations

from functools import cached_property
from typing import Annotated, Any

from pydantic import ConfigDict, Field, PrivateAttr

from bpsheet.formula.own import own_functions
from bpsheet.formula.parse import MAX_LENGTH, Own
from bpsheet.tables.data import Data, Prepare, Test, Validation
from bpsheet.tables.graph import Graph
from bpsheet.tables.network import Network
from bpsheet.tables.notation import Notation
from bpsheet.tables.origin import Origin
from bpsheet.tables.prepared import raw_inputs
from bpsheet.tables.table import Spec, without_examples
from bpsheet.tables.training import Initial, Training
from bpsheet.tables.values import Name

__all__ = ["Tables"]


def _one_of_two(schema: dict[str, Any]) -> None:
    """Let the JSON schema ask for a network or a graph, and cut its description."""
    without_examples(schema)
    schema["oneOf"] = [{"required": ["network", "data"]}, {"required": ["graph"]}]
    # A table that is read gives the inputs; examples in the file need them.
    examples = {"required": ["network"], "properties": {"data": {"required": ["examples"]}}}
    schema["if"] = examples
    schema["then"] = {"properties": {"network": {"required": ["inputs"]}}}


class Tables(Spec):
    """What an experiment file says, table by table, before a check whether the tables fit together."""

    model_config = ConfigDict(json_schema_extra=_one_of_two)

    title: str = Field("", description="The text at the top of the sheet.")
    notes: str = Field("", description="What the reader should know: a text on the sheet `About`.")
    network: Network | None = Field(None, description="Inputs, layers and the loss.")
    graph: Graph | None = Field(
        None, description="Instead of a network: your own formulas, their parameters and loss."
    )
    functions: dict[Name, Annotated[str, Field(max_length=MAX_LENGTH)]] = Field(
        default_factory=dict,
        description=(
            "Functions of your own, for activations and for formulas: "
            '`swish = "z -> z*logistic(z)"`. Each may call those above it.'
        ),
    )
    data: Data = Field(
        default_factory=Data,
        description="The examples and their order. Only a graph without inputs has none.",
    )
    prepare: list[Prepare] = Field(
        default_factory=list,
        description="How raw inputs are prepared before the first layer: `[[prepare]]`, step by step.",
    )
    training: Training = Field(default_factory=Training, description="The rule and its length.")
    initial: Initial = Field(
        default_factory=Initial, description="How weights that are not given are drawn."
    )
    test: Test | None = Field(None, description="Examples that each row is tested on.")
    validation: Validation | None = Field(
        None, description="Examples on which each row's loss is computed, and which train nothing."
    )
    notation: Notation = Field(
        default_factory=Notation, description="How this source writes names."
    )
    hand: dict[str, dict[str, str]] = Field(
        default_factory=dict,
        description="Numbers printed in the source, as text: by iteration, then by quantity.",
    )

    origin: Origin | None = Field(
        None,
        description="The model that the experiment was read from. Nothing is computed with it.",
    )

    # The name under which the experiment was loaded; workbooks are named after it.
    _name: str = PrivateAttr("experiment")

    @property
    def name(self) -> str:
        """The name of the experiment's template, or of its file without the ending."""
        return self._name

    @cached_property
    def own(self) -> dict[str, Own]:
        """The functions of [functions]. Raises FormulaError where one has no arguments."""
        return own_functions(self.functions)

    @cached_property
    def data_names(self) -> tuple[str, ...]:
        """The columns of the data: the raw inputs, the targets, then the weight of the example."""
        if self.network is None:
            return tuple(self.raw_inputs)
        weight = [] if self.data.weight is None else [self.data.weight]
        return (*self.raw_inputs, *self.network.target_entries, *weight)

    @property
    def taken_inputs(self) -> list[str]:
        """The inputs that the network, or the formulas, take: prepared where [[prepare]] says so."""
        if self.graph is not None:
            return self.graph.input_entries
        assert self.network is not None
        return self.network.input_entries

    @cached_property
    def raw_inputs(self) -> list[str]:
        """The inputs in the data."""
        return raw_inputs([(step.of, step.prepared) for step in self.prepare], self.taken_inputs)

    @property
    def example_count(self) -> int:
        """How many examples the data have. Formulas without inputs have one, without numbers."""
        return len(self.data.examples or ()) if self.has_data else 1

    @property
    def has_data(self) -> bool:
        """Whether the examples hold numbers: only formulas may have no inputs."""
        return self.graph is None or bool(self.graph.inputs)

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
        return 0 if self.is_trained else self.example_count

    @property
    def is_trained(self) -> bool:
        """Whether anything can be trained. Where not, each example is presented once."""
        is_fixed = self.graph is not None and not self.graph.parameters
        return not is_fixed and self.training.rule != "none"

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
