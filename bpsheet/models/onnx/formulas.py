"""A model that is no chain of layers, as formulas of arrays: the table [graph]."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np

from bpsheet.columns.layered import activation_text
from bpsheet.errors import LimitError
from bpsheet.formula.arrays import step_name
from bpsheet.formula.functions import FUNCTIONS
from bpsheet.formula.parse import NAME, WORDS
from bpsheet.models.imported import Part
from bpsheet.models.onnx.at import as_text
from bpsheet.models.onnx.cells import Array, Block, Piece
from bpsheet.models.onnx.flow import Flow
from bpsheet.models.onnx.fusing import PLACE
from bpsheet.textbook.layers import KINDS, Formula, Given
from bpsheet.textbook.losses import loss_of

__all__ = ["Formulas"]

# A formula has at most so many characters; the language's own limit is a little higher.
LONGEST = 1_800
MOST_COLUMNS = 100_000
ATOM = re.compile(rf"{NAME}(\[\d+\])?(\.T)?|column\({NAME}\)|\(?-?[\d.e+-]+\)?")
NAMES = re.compile(rf"({NAME})(?!\w|\()")
LEFT = re.compile(NAME)


class Formulas:
    """The lines of a model, and the arrays that they use.

    tables: the table [graph], when all is written
    names:  by our parameter its name in the model
    output: the name of the model's first output
    shape:  its shape
    """

    def __init__(self, flow: Flow) -> None:
        self.flow = flow
        self.cells = flow.cells
        self.lines: list[str] = []
        self.meanings: dict[str, str] = {}
        self.parameters: dict[str, Any] = {}
        self.constants: dict[str, Any] = {}
        self.shapes: dict[str, list[int]] = {}
        self.inputs: list[str] = []
        self.repeat: dict[str, str] = {}
        self.names: dict[str, str] = {}
        # By the name in the model: the parameter that it is here. Who uses it again, uses this one.
        self.placed: dict[str, tuple[str, Part]] = {}
        self.taken: set[str] = {word.lower() for word in (*FUNCTIONS, *WORDS)} | {"t"}
        self.named: dict[int, str] = {}
        self.helped: dict[Any, str] = {}
        self.prepared = _prepared(flow)
        self.size = 0
        self._inputs()
        for number, piece in enumerate(flow.pieces, start=1):
            if piece.kind in ("", "log_softmax"):
                self._formula(piece)
            else:
                self._layer(number, piece)
        outputs = [self._output(name, ids) for name, ids in flow.outputs]
        self.output, self.shape = outputs[0]
        if not self.lines[-1].startswith(f"{self.output} = "):
            # The first output stands last: what is read of the formulas finds it there.
            last = self._free("result")
            self._line(last, self.output, f"the output {flow.outputs[0][0]}")
            self.output = last

    @property
    def table(self) -> dict[str, Any]:
        """The table [graph]."""
        whole = {
            "inputs": self.inputs,
            "shapes": self.shapes,
            "parameters": self.parameters,
            "constants": self.constants,
            "meanings": self.meanings,
            "repeat": self.repeat,
            "forward": self.lines,
        }
        return {key: value for key, value in whole.items() if value}

    # Names

    def _free(self, name: str) -> str:
        while name.lower() in self.taken:
            name += "_"
        self.taken.add(name.lower())
        return name

    def _numbered(self, stem: str) -> str:
        number = 1
        while f"{stem}{number}" in self.taken:
            number += 1
        return self._free(f"{stem}{number}")

    def _inputs(self) -> None:
        for given in self.flow.inputs:
            stem = re.sub(r"\W+", "_", given.name).strip("_")[:20] or "x"
            stem = f"x_{stem}" if stem[0].isdigit() else stem
            many = len(given.blocks) > 1
            for number, block in enumerate(given.blocks, start=1):
                name = self._free(f"{stem}{number}" if many else stem)
                self.inputs.append(name)
                self.named[id(block)] = name
                if block.shape not in ((), (1,)):
                    self.shapes[name] = list(block.shape)
                else:
                    block.shape = ()

    def _line(self, name: str, text: str, meaning: str = "") -> None:
        if len(text) > LONGEST:
            raise LimitError(
                f"a formula of {len(text):,} characters, for {name}, is longer than a cell takes"
            )
        if len(self.lines) > 20_000:
            raise LimitError("more than 20,000 formulas; a sheet holds fewer")
        self.lines.append(f"{name} = {text}")
        if meaning:
            self.meanings[LEFT.match(name)[0]] = meaning  # type: ignore[index]

    # What a page is called

    def name(self, block: Block) -> str:
        """The name of a block; a parameter is there when it is first used."""
        known = self.named.get(id(block))
        if known is not None:
            return known
        assert block.part is not None
        is_trained = block.trained and id(block) not in self.prepared
        if is_trained and (shared := self._shared(block.part)) is not None:
            self.named[id(block)] = shared
            return shared
        stem = re.sub(r"\W+", "_", block.part.name).strip("_")
        fits = re.fullmatch(r"[A-Za-z]\w{0,19}", stem) and not stem[-1].isdigit()
        name = self._free(stem) if fits else self._numbered("c")
        (self.parameters if is_trained else self.constants)[name] = block.part.values.tolist()
        if is_trained:
            self.placed[block.part.name] = (name, block.part)
        self.names[name] = block.part.name
        self.meanings[name] = block.part.name
        self.named[id(block)] = name
        return name

    def _shared(self, part: Part) -> str | None:
        """The parameter that an array of the model is already."""
        name, other = self.placed.get(part.name, ("", part))
        return name if name and np.array_equal(other.values, part.values) else None

    def whole(self, block: Block) -> str:
        """The name of a block as one array."""
        name = self.name(block)
        if not block.by_step:
            return name
        rows = [f"{name}[{t + 1}]" for t in range(block.shape[0])]
        return self.help(
            ("all", name),
            f"{name}_all",
            self._joined("rows", rows),
            "all steps, one below the other",
        )

    def help(self, key: Any, name: str, text: str, meaning: str = "") -> str:
        """A line that is there once: its name. A name of one letter gets a number."""
        if key not in self.helped:
            self.helped[key] = self._numbered(name) if len(name) == 1 else self._free(name)
            self._line(self.helped[key], text, meaning)
        return self.helped[key]

    def _joined(self, word: str, parts: Sequence[str]) -> str:
        """flat(…) or rows(…); where it is too long, vectors are joined part by part."""
        text = f"{word}({', '.join(parts)})"
        if len(text) <= LONGEST or word != "flat":
            return text
        chunks: list[list[str]] = [[]]
        for part in parts:
            if sum(len(p) + 2 for p in chunks[-1]) + len(part) > LONGEST - 100:
                chunks.append([])
            chunks[-1].append(part)
        names = [self.help(("flat", *chunk), "j", f"flat({', '.join(chunk)})") for chunk in chunks]
        return self._joined(word, names)

    def atom(self, ids: Array) -> str:
        """What stands for a page in a formula: a name, a row of one, or a number."""
        text = self.text(ids)
        if ATOM.fullmatch(text):
            return text
        return self.help(("page", ids.shape, ids.tobytes()), "v", text, "numbers put together")

    def text(self, ids: Array) -> str:
        if ids.ndim == 0:
            return self._cell(int(ids))
        return self._vector(ids) if ids.ndim == 1 else self._matrix(ids)

    def _cell(self, cell: int) -> str:
        if cell < 0:
            return as_text(self.cells.numbers[-cell - 1])
        block = self.cells.block_of(cell)
        place = cell - block.start
        if not block.shape:
            return self.name(block)
        if len(block.shape) == 1:
            return f"{self.name(block)}[{place + 1}]"
        whole = self.whole(block)
        flat = self.help(
            ("flat", whole), f"{whole}_flat", f"flat({whole})", "all numbers as one vector"
        )
        return f"{flat}[{place + 1}]"

    def _block(self, ids: Array) -> Block | None:
        """The block of a page whose cells follow one another within it; else None."""
        flat = ids.ravel()
        if not len(flat) or flat[0] < 0 or not (np.diff(flat) == 1).all():
            return None
        block = self.cells.block_of(int(flat[0]))
        return block if flat[-1] < block.start + block.size else None

    def _found(self, ids: Array) -> tuple[str, Block, int] | None:
        """Whether a vector is a block ("all"), or the row or column of one with a number; else None."""
        block = self._block(ids)
        if block is not None and ids.size == block.size:
            return ("all", block, 0) if block.shape == ids.shape else None
        if block is not None and len(block.shape) == 2 and ids.size == block.shape[1]:
            place = int(ids[0]) - block.start
            if place % block.shape[1] == 0:
                return "row", block, place // block.shape[1]
        if ids.size > 1 and ids[0] >= 0:
            block = self.cells.block_of(int(ids[0]))
            if len(block.shape) == 2 and ids.size == block.shape[0]:
                column = (int(ids[0]) - block.start) % block.shape[1]
                if np.array_equal(block.ids[:, column], ids):
                    return "column", block, column
        return None

    def _simple(self, ids: Array) -> str | None:
        """The text of a vector that is a block, a row or a column of one; else None."""
        found = self._found(ids)
        if found is None:
            return None
        what, block, number = found
        if what == "all":
            return self.name(block)
        if what == "row":
            return f"{self.name(block)}[{number + 1}]"
        whole = self.whole(block)
        turned = self.help(("T", whole), f"{whole}_T", f"{whole}.T", "rows and columns exchanged")
        return f"{turned}[{number + 1}]"

    def _vector(self, ids: Array) -> str:
        simple = self._simple(ids)
        if simple is not None:
            return simple
        parts: list[str] = []
        begin = 0
        while begin < len(ids):
            end, text = self._run(ids, begin)
            parts.append(text)
            begin = end
        return self._joined("flat", parts)

    def _run(self, ids: Array, begin: int) -> tuple[int, str]:
        """The longest part from here on that has a short name, and where it ends."""
        cell = int(ids[begin])
        if cell >= 0:
            block = self.cells.block_of(cell)
            for size in sorted({block.size, block.shape[-1] if block.shape else 1}, reverse=True):
                part = ids[begin : begin + size]
                if len(part) < size or size == 1:
                    continue
                if size == block.size and np.array_equal(part, block.ids.ravel()):
                    return begin + size, self.whole(block)
                if (text := self._simple(part)) is not None:
                    return begin + size, text
        return begin + 1, self._cell(cell)

    def _matrix(self, ids: Array) -> str:
        block = self._block(ids)
        if block is not None and block.shape == ids.shape:
            return self.whole(block)
        if ids[0, 0] >= 0:
            first = self.cells.block_of(int(ids[0, 0]))
            if first.shape == ids.shape[::-1] and np.array_equal(first.ids.T, ids):
                return f"{self.whole(first)}.T"
        m, n = ids.shape
        if n == 1:
            vector = self.text(ids[:, 0])
            return f"column({vector if ATOM.fullmatch(vector) else self.atom(ids[:, 0])})"
        rows_found = all(self._found(ids[k]) for k in range(m))
        if not rows_found and m > 1 and all(self._found(ids[:, k]) for k in range(n)):
            return self._turned(
                self._joined("rows", [str(self._simple(ids[:, k])) for k in range(n)])
            )
        return self._joined("rows", [self._simple(ids[k]) or self.atom(ids[k]) for k in range(m)])

    def _turned(self, text: str) -> str:
        return f"{self.help(('turned', text), self._numbered('v'), text)}.T"

    # Pieces

    def _formula(self, piece: Piece) -> None:
        for page, block in enumerate(piece.out):
            operands = [self.atom(pages[page]) for pages in piece.operands]
            text = PLACE.sub(lambda m: operands[int(m[1])], piece.template)  # noqa: B023
            name = self._numbered(block.stem)
            self._count(block.size)
            self._line(name, text, piece.meaning or f"{piece.place}")
            self.named[id(block)] = name

    def _count(self, size: int) -> None:
        self.size += size
        if self.size > MOST_COLUMNS:
            raise LimitError(
                f"the model makes more than {MOST_COLUMNS:,} columns; a worksheet holds 16,384 and several sheets 100,000"
            )

    def _layer(self, number: int, piece: Piece) -> None:
        lines, outputs, steps = self._lines_of(piece)
        shared = {
            name: known
            for name, part in piece.parameters.items()
            if (known := self._shared(part)) is not None
        }
        own = dict(shared)
        names = [LEFT.match(line.text)[0] for line in lines]  # type: ignore[index]
        for name in dict.fromkeys([*names, *piece.parameters]):
            if name not in shared:
                own[name] = self._free(_with_number(name, number))
        begins = {name for name in piece.constants if name in ("h0", "c0")}
        if steps:
            # What enters a sequence, for the first step to use.
            for state in ("h", "c"):
                if state in own and any(f"{state}[t - 1]" in line.text for line in lines):
                    key = step_name(own[state], 0)
                    self.taken.add(key.lower())
                    states = piece.settings.get("states", [])
                    if f"{state}0" in states:
                        page = piece.operands[1 + states.index(f"{state}0")][0]
                        self._line(key, self.text(page), f"what enters, {piece.place}")
                        continue
                    given = piece.constants.get(f"{state}0")
                    values = np.zeros(piece.settings["units"]) if given is None else given.values
                    self.constants[key] = values.tolist()
                    if given is not None:
                        self.names[key] = given.name
        for name in piece.constants:
            if name not in begins:
                own[name] = self._free(_with_number(name, number))
        for group, table in (
            (piece.parameters, self.parameters),
            (piece.constants, self.constants),
        ):
            for name, part in group.items():
                if name in begins or name in shared:
                    continue
                if table is self.parameters:
                    self.placed[part.name] = (own[name], part)
                self._count(part.values.size)
                table[own[name]] = part.values.tolist()
                self.names[own[name]] = part.name
                self.meanings[own[name]] = part.name
        given_texts = [
            self._stepped(pages[0]) if steps else self.atom(pages[0])
            for pages in (piece.operands[:1] if steps else piece.operands)
        ]
        index = self._index(steps) if steps else ""
        for line in lines:
            text = NAMES.sub(lambda m: own.get(m[1], m[1]), line.text)
            text = PLACE.sub(lambda m: given_texts[int(m[1])], text)
            if index and index != "t":
                text = text.replace("[t]", f"[{index}]").replace("[t - 1]", f"[{index} - 1]")
            left, _, right = text.partition(" = ")
            self._line(left, right, f"{line.meaning}, {piece.place}")
        for name, block in zip(outputs, piece.out, strict=True):
            self.named[id(block)] = own[name]
            self._count(block.size * max(1, len(lines) // len(outputs)))

    def _index(self, steps: int) -> str:
        text = f"1:{steps}"
        for name, known in self.repeat.items():
            if known == text:
                return name
        name = "t" if not self.repeat else self._numbered("t")
        self.repeat[name] = text
        return name

    def _stepped(self, ids: Array) -> str:
        """The name of a sequence whose steps are its rows."""
        block = self._block(ids)
        if block is not None and block.shape == ids.shape:
            return self.name(block)
        text = self.text(ids)
        if re.fullmatch(NAME, text):
            return text
        return self.help(("page", ids.shape, ids.tobytes()), "v", text, "steps in their order")

    def _lines_of(self, piece: Piece) -> tuple[list[Formula], list[str], int]:
        """The formulas of a layer, with `{0}` for what it takes; the outputs' names; its steps."""
        lines = [Formula(*line) for line in piece.lines]
        if piece.kind in ("rnn", "lstm", "gru"):
            steps = piece.out[0].shape[0]
            return lines, ["h", "c"][: len(piece.out)], steps
        if piece.kind == "embedding":
            return lines, ["y"], 0
        if piece.kind in ("max_pool", "mean_pool"):
            return lines, [f"p{k + 1}" for k in range(len(piece.out))], 0
        activation = partial(activation_text, piece.activation)
        if piece.kind == "convolution":
            return *self._convolution(piece, lines, activation), 0
        settings = {**dict(KINDS[piece.kind].settings), **piece.settings, "by_step": False}
        settings |= {
            "activation": activation,
            "has_bias": "b" in piece.parameters,
            "is_trained": False,
        }
        places = [f"{{{k}}}" for k in range(len(piece.operands))]
        shape = piece.operands[0][0].shape
        made = KINDS[piece.kind].build(Given(places[0], shape, settings, places))
        outputs = [made.output] if isinstance(made.output, str) else list(made.output)
        formulas = list(made.formulas)
        if piece.kind == "dense" and piece.activation == "linear":
            formulas, outputs = formulas[:1], ["z"]
        return formulas, outputs, 0

    def _convolution(
        self, piece: Piece, lines: list[Formula], activation: Any
    ) -> tuple[list[Formula], list[str]]:
        found, outputs = [], []
        for k, line in enumerate(lines, start=1):
            left, _, right = line.text.partition(" = ")
            bias = f"b{k} + " if f"b{k}" in piece.parameters else ""
            found.append(Formula(f"{left} = {bias}{right}", line.meaning))
            if piece.activation != "linear":
                found.append(Formula(f"y{k} = {activation(f'z{k}')}", f"feature map {k}"))
            outputs.append(f"z{k}" if piece.activation == "linear" else f"y{k}")
        return found, outputs

    # The outputs

    def _output(self, name: str, ids: Array) -> tuple[str, tuple[int, ...]]:
        """One array for an output: a number, a vector or a matrix; one with more axes as a vector."""
        shape = tuple(n for n in ids.shape if n > 1)
        page = ids.reshape(shape if len(shape) <= 2 else (ids.size,))
        block = self._block(page)
        if (
            block is not None
            and block.size == page.size
            and not block.by_step
            and id(block) in self.named
            and block.part is None
            and block.shape == page.shape
            and self.name(block) not in self.inputs
        ):
            own = self.name(block)
            self.meanings[own] = f"{self.meanings.get(own, '')}; the output {name}".removeprefix(
                "; "
            )
            return own, page.shape
        own = self._free("output" if len(self.flow.outputs) == 1 else self._numbered("output"))
        self._line(own, self.text(page), f"the output {name}")
        return own, page.shape

    def loss(self, text: str) -> None:
        """The lines of the targets and the loss."""
        kind = loss_of(text)
        target = self._free("target")
        self.inputs.append(target)
        if self.shape:
            self.shapes[target] = list(self.shape)
        operands = {"y": self.output, "t": target} | {
            k: repr(v) for k, v in kind.settings.items() if v is not None
        }
        term = NAMES.sub(lambda m: operands.get(m[1], m[1]), kind.term)
        count = int(np.prod(self.shape, dtype=int))
        parts = {"s": f"sum({term})" if self.shape else f"({term})", "n": str(count)}
        whole = NAMES.sub(lambda m: parts.get(m[1], m[1]), kind.whole)
        self._line(self._free("loss"), whole, kind.meaning)


def _with_number(name: str, number: int) -> str:
    """A layer's own name with the layer's number: W becomes W2, and K1_c3 becomes K2f1c3."""
    found = re.fullmatch(r"([A-Za-z]+)(\d+)(.*)", name)
    if found is None:
        return f"{name}{number}"
    return f"{found[1]}{number}f{found[2]}{found[3].replace('_', '')}"


def _prepared(flow: Flow) -> set[int]:
    """The arrays that only prepare the inputs, as a scaler's mean: nothing trains them."""
    given = {id(block) for entry in flow.inputs for block in entry.blocks}
    found: set[int] = set()
    for piece in flow.pieces:
        if not piece.pointwise:
            continue
        blocks = [
            flow.cells.block_of(int(cell))
            for pages in piece.operands
            for page in pages
            for cell in np.unique(page)
            if cell >= 0
        ]
        if all(block.part is not None or id(block) in given for block in blocks):
            found |= {id(block) for block in blocks if block.part is not None}
            given |= {id(block) for block in piece.out}
    return found
