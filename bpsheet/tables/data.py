"""The tables of examples: `[data]`, `[[prepare]]`, `[test]` and `[validation]`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field, model_validator

from bpsheet.tables.incoming import columns_of, with_targets
from bpsheet.tables.plain import (
    AnyMatrix,
    AnyNames,
    AnyNumber,
    AnyRow,
    AnyWhole,
    Listed,
    column_names,
)
from bpsheet.tables.prepared import default_names
from bpsheet.tables.table import Spec
from bpsheet.tables.values import (
    Correct,
    Frame,
    Matrix,
    Name,
    Order,
    Row,
    Scalar,
    Seed,
    Share,
)
from bpsheet.textbook.preparations import PREPARATIONS, PreparationName

__all__ = ["Data", "Prepare", "Test", "Validation"]


class Data(Spec):
    """The examples and the order in which they are presented.

    A table, `frame` or `file`, becomes examples when an experiment takes it: texts become categories
    or classes, and what is asked for is scaled.

    >>> Data(examples=[[-0.9, 0.1, 1.0]]).order
    'cyclic'
    >>> Data(frame={"size": [1.5, 2.0], "kind": ["a", "b"]}, targets=["kind"], scale="standard").targets
    ['kind']
    """

    columns: list[Name] | None = Field(
        None,
        description=(
            "The names of the columns of `examples`: every input and target, in any order. For "
            "a file without a header line: the names of its columns. Default: the inputs, then the "
            "targets."
        ),
    )
    examples: Matrix | None = Field(
        None,
        description=(
            "A row for each example: inputs, then targets. Either this, `file` or `frame` is needed."
        ),
    )
    file: str | None = Field(
        None,
        description=(
            "Instead of `examples`: a file beside the experiment file: CSV (comma, semicolon or tab), "
            "`.tsv`, `.xlsx` or `.parquet`. The names in its header line say which column is which."
        ),
    )
    sheet: str | None = Field(
        None, description="Of an `.xlsx` file: the sheet with the table. Default: the first one."
    )
    frame: Frame | None = Field(
        None,
        description=(
            "Instead of `examples`: a table in Python, which is a DataFrame, a dict of lists by their "
            "names, or an array with a row for each example."
        ),
    )
    inputs: list[Name] | None = Field(
        None,
        description=(
            "The columns of the file or frame for the network's inputs, in their order. Default: those "
            "with the inputs' names; for a network without `inputs` all that are left."
        ),
    )
    targets: list[Name] | None = Field(
        None,
        description=(
            "The columns of the file or frame with the targets. A single column of texts, or of "
            "whole numbers for several outputs, holds classes: a target of 1 for the output of the "
            "class, or for one output two numbers. In Python also an array with them. Default: those "
            "with the targets' names."
        ),
    )
    label: Name | None = Field(
        None,
        description=(
            "The column that holds, for each example, its class: the name of the target that is 1. "
            "The other targets are 0."
        ),
    )
    scale: Literal["standard", "min_max", "max_abs", "robust"] | None = Field(
        None,
        description=(
            "How all inputs of numbers are scaled: `[[prepare]]` gets a step with them, whose constants "
            "are cells that follow from the examples."
        ),
    )
    validation: Share | None = Field(
        None,
        description=(
            "The share of the examples that go into `[validation]`, drawn with `seed`, class by class."
        ),
    )
    meanings: dict[Name, str] = Field(
        default_factory=dict,
        description='What columns are, for the notes above them: `{ x1 = "sepal length (cm)" }`.',
    )
    weight: Name | None = Field(
        None,
        description=(
            "The name of a further column of the data, after the targets: the weight of each "
            "example, by which its loss is multiplied."
        ),
    )
    order: Order = Field(
        "cyclic",
        description=(
            '`"cyclic"`; `"shuffled"`: again in every epoch, with `seed`; or a list of example '
            "numbers (from 1), one for each iteration. A longer run repeats the list."
        ),
    )
    seed: Seed = Field(
        0, description='The seed of the order `"shuffled"`, and of the validation share.'
    )

    @model_validator(mode="before")
    @classmethod
    def _by_name(cls, values: Any) -> Any:
        """A DataFrame's column names become `columns`, so that their order does not matter.

        Targets in an array become further columns of the frame.
        """
        if isinstance(values, dict) and values.get("frame") is not None:
            values = values | {"frame": columns_of(values["frame"])}
            values = with_targets(values)
        if isinstance(values, dict) and values.get("columns") is None:
            names = column_names(values.get("examples"))
            return values if names is None else values | {"columns": names}
        return values

    if TYPE_CHECKING:

        def __init__(
            self,
            *,
            columns: AnyNames | None = None,
            examples: AnyMatrix | None = None,
            file: str | None = None,
            sheet: str | None = None,
            frame: Any = None,
            inputs: AnyNames | None = None,
            targets: AnyNames | AnyMatrix | AnyRow | None = None,
            scale: Literal["standard", "min_max", "max_abs", "robust"] | None = None,
            validation: AnyNumber | None = None,
            meanings: Mapping[str, str] = ...,
            label: str | None = None,
            weight: str | None = None,
            order: Order | Sequence[AnyWhole] | Listed = "cyclic",
            seed: AnyWhole = 0,
        ) -> None: ...


class Prepare(Spec):
    """How some raw inputs are prepared before the first layer: a step, with a cell for each constant.

    The network takes what a step gives by its `names`; the data have the raw inputs, `of`.

    >>> Prepare(kind="standard", of=["length"]).prepared
    ['length_s']
    """

    kind: PreparationName = Field(
        description="What is done: "
        + ", ".join(f"`{name}`, `{row.formula}`" for name, row in PREPARATIONS.items())
        + "."
    )
    of: list[Name] = Field(
        description="What is prepared: columns of the data, or what a step before has given."
    )
    names: list[Name] | None = Field(
        None,
        description=(
            "The names of what comes out, one for each of `of`; with `one_hot` one for each category. "
            "Default: the name with `_s` after it; with `one_hot` with the category."
        ),
    )
    categories: Row | None = Field(
        None,
        description="Of `one_hot`, which prepares one input: the numbers that stand for its categories.",
    )
    words: list[str] | None = Field(
        None,
        description="Of a step for one input: the texts that its numbers 1, 2, … stand for in a table.",
    )
    mean: Row | None = Field(
        None, description="Of `standard`: a number for each of `of`. Default: from the examples."
    )
    sd: Row | None = Field(
        None, description="Of `standard`: the standard deviations. Default: from the examples."
    )
    least: Row | None = Field(
        None, description="Of `min_max`: the least numbers. Default: from the examples."
    )
    span: Row | None = Field(
        None, description="Of `min_max`: the greatest minus the least. Default: from the examples."
    )
    largest: Row | None = Field(
        None, description="Of `max_abs`: the largest sizes. Default: from the examples."
    )
    median: Row | None = Field(
        None, description="Of `robust`: the medians. Default: from the examples."
    )
    spread: Row | None = Field(
        None,
        description="Of `robust`: the distances of the quartiles. Default: from the examples.",
    )
    offset: Row | None = Field(None, description="Of `scaled`: what is subtracted.")
    factor: Row | None = Field(None, description="Of `scaled`: what it is multiplied by then.")
    threshold: Row | None = Field(
        None, description="Of `binary`: the number above which the prepared input is 1."
    )

    @property
    def prepared(self) -> list[str]:
        """The names of what comes out."""
        if self.names is not None:
            return self.names
        return default_names(self.kind, self.of, self.categories or [])

    if TYPE_CHECKING:

        def __init__(
            self,
            *,
            kind: PreparationName,
            of: AnyNames,
            names: AnyNames | None = None,
            categories: AnyRow | None = None,
            words: AnyNames | None = None,
            mean: AnyRow | None = None,
            sd: AnyRow | None = None,
            least: AnyRow | None = None,
            span: AnyRow | None = None,
            largest: AnyRow | None = None,
            median: AnyRow | None = None,
            spread: AnyRow | None = None,
            offset: AnyRow | None = None,
            factor: AnyRow | None = None,
            threshold: AnyRow | None = None,
        ) -> None: ...


class Test(Spec):
    """Examples that each row is tested on: does its network get each of them right?"""

    __test__: ClassVar[bool] = False  # not a class of tests, although pytest could think so

    examples: Matrix = Field(description="A row for each: inputs, then targets.")
    correct: Correct = Field(
        "threshold",
        description=(
            '`"threshold"`: each output is on its target\'s side of the threshold; '
            '`"sign"`: each output has its target\'s sign; `"largest"`: the largest output is the one '
            "with the largest target."
        ),
    )
    threshold: Scalar = Field(0.5, description='Of `correct = "threshold"`.')
    names: list[Name] | None = Field(
        None, description="The columns' names. Default: `test 1`, `test 2`, …"
    )
    gap: bool = Field(
        False, strict=True, description="In the layout book: an empty column before the tests."
    )

    if TYPE_CHECKING:

        def __init__(
            self,
            *,
            examples: AnyMatrix,
            correct: Correct = "threshold",
            threshold: AnyNumber = 0.5,
            names: AnyNames | None = None,
            gap: bool = False,
        ) -> None: ...


class Validation(Spec):
    """Examples that train nothing: each row has its network's mean loss over them.

    >>> Validation(examples=[[0.5, 1.0]]).examples
    [[0.5, 1.0]]
    """

    examples: Matrix = Field(description="A row for each: inputs, then targets.")

    if TYPE_CHECKING:

        def __init__(self, *, examples: AnyMatrix) -> None: ...
