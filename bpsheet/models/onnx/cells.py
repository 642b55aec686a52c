"""The numbers of a model, each with a number of its own, and the arrays in which they are made.

What an ONNX graph does with arrays is mostly moving numbers about: it reshapes, transposes, cuts and
joins. Here a value is an array of the numbers of its cells, so that NumPy does all of that, and a
formula appears only where something is computed.

>>> cells = Cells()
>>> x = cells.block((2, 3), "x")
>>> x.ids.T.tolist(), cells.block_of(4) is x
([[0, 3], [1, 4], [2, 5]], True)
"""

from __future__ import annotations

import math
from bisect import bisect_right
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from bpsheet.models.imported import Part

__all__ = ["Array", "Aside", "Block", "Cells", "Known", "Live", "Piece", "Uncovered", "Value"]

Shape = tuple[int, ...]
Array = Any
# A worksheet holds 16,384 columns, and several sheets 100,000. No array of a model that fits is larger.
MOST = 1_000_000


class Uncovered(Exception):  # noqa: N818 - an answer: what of a model cannot be taken over
    """A node that is not covered; the message says what is."""


@dataclass(frozen=True)
class Known:
    """An array whose numbers the model has, and the name of the array that they come from."""

    values: Array
    part: Part | None = None

    @property
    def shape(self) -> Shape:
        return tuple(self.values.shape)

    @property
    def numbers(self) -> Array:
        return np.asarray(self.values, np.float64)

    def as_part(self, name: str) -> Part:
        """The numbers with the name of where they come from, or with this one."""
        if self.part is None:
            return Part(name, self.numbers)
        return Part(self.part.name, self.numbers, self.part.axes)


@dataclass(frozen=True)
class Live:
    """An array of cells: the numbers of the cells."""

    ids: Array

    @property
    def shape(self) -> Shape:
        return tuple(self.ids.shape)


@dataclass(frozen=True)
class Aside:
    """A value beside the numbers: a label, or the place of the largest score; and these scores."""

    scores: Live | None = None


Value = Known | Live | Aside


@dataclass(eq=False)
class Block:
    """An array, at most a matrix, whose cells are made together.

    stem:    what its name begins with
    part:    the first values of a parameter or constant
    trained: whether it is a parameter
    by_step: whether each row is a quantity of its own, `h[1]`, `h[2]` …
    """

    start: int
    shape: Shape
    stem: str
    part: Part | None = None
    trained: bool = False
    by_step: bool = False

    @property
    def size(self) -> int:
        return math.prod(self.shape)

    @property
    def ids(self) -> Array:
        return np.arange(self.start, self.start + self.size).reshape(self.shape)


@dataclass(eq=False)
class Piece:
    """What a node computes.

    kind:       a kind of layer; else "" for a formula
    place:      the name of the node
    operands:   what it takes: of each the pages, which are at most matrices
    out:        the arrays that it makes, one for each page
    template:   a formula of `{0}`, `{1}` …, once for each page
    pointwise:  whether each number depends on the numbers of the same place alone
    parameters: of layers: their arrays by our names; those in `constants` are never updated
    settings:   of layers: the keys of the experiment file
    activation: of layers with weighted sums: the activation, a name or a formula of z
    lines:      formulas of a layer that is no kind of the experiment file
    """

    kind: str
    place: str
    operands: list[list[Array]]
    out: list[Block]
    template: str = ""
    pointwise: bool = False
    meaning: str = ""
    parameters: dict[str, Part] = field(default_factory=dict)
    constants: dict[str, Part] = field(default_factory=dict)
    settings: dict[str, Any] = field(default_factory=dict)
    activation: str = "linear"
    lines: list[tuple[str, str]] = field(default_factory=list)


class Cells:
    """All cells of a model: the arrays in which they are made, and plain numbers among them."""

    def __init__(self) -> None:
        self.blocks: list[Block] = []
        self.starts: list[int] = []
        self.next = 0
        self.numbers: list[float] = []
        self.by_number: dict[float, int] = {}
        self.given: dict[Any, Block] = {}
        # The arrays of whole numbers, and those of 0 and 1, by their first cells.
        self.whole: set[int] = set()
        self.truths: set[int] = set()

    def block(self, shape: Shape, stem: str, **more: Any) -> Block:
        """A new array."""
        made = Block(self.next, tuple(shape), stem, **more)
        self.next += made.size
        if self.next > MOST:
            raise Uncovered(f"the model computes more than {MOST:,} numbers; a sheet holds fewer")
        self.blocks.append(made)
        self.starts.append(made.start)
        return made

    def block_of(self, cell: int) -> Block:
        """The array that a cell belongs to."""
        return self.blocks[bisect_right(self.starts, cell) - 1]

    def note(self, ids: Array, kind: set[int]) -> None:
        """Note that an array has whole numbers (`self.whole`), or 0 and 1 (`self.truths`)."""
        kind |= {self.block_of(int(cell)).start for cell in np.unique(ids) if cell >= 0}

    def are(self, ids: Array, kind: set[int]) -> bool:
        """Whether all numbers of an array are noted as of a kind."""
        return all(cell >= 0 and self.block_of(int(cell)).start in kind for cell in np.unique(ids))

    def number(self, value: float) -> int:
        """The cell of a plain number: below 0."""
        # Nothing stands for infinity in a cell: e^-1e9 is 0, too.
        value = max(-1e9, min(1e9, value)) if math.isinf(value) else value
        if value not in self.by_number:
            self.numbers.append(value)
            self.by_number[value] = -len(self.numbers)
        return self.by_number[value]

    def plain(self, values: Array) -> Live:
        """Known numbers as cells, each a plain number."""
        flat = [self.number(float(value)) for value in np.asarray(values).ravel()]
        return Live(np.array(flat, np.int64).reshape(np.shape(values)))

    def array(self, known: Known, name: str, *, trained: bool) -> Live:
        """Known numbers as an array of parameters, or of constants: as a matrix, pages below it."""
        part = known.as_part(name)
        shape = tuple(n for n in known.shape if n > 1)
        flat = shape if len(shape) <= 2 else (math.prod(shape[:-1]), shape[-1])
        key = (part.name, flat, trained, part.values.tobytes())
        if key not in self.given:
            values = part.values.reshape(flat)
            self.given[key] = self.block(flat, "c", part=Part(part.name, values), trained=trained)
        return Live(self.given[key].ids.reshape(known.shape))

    def is_number(self, ids: Array) -> bool:
        return bool((ids < 0).all())
