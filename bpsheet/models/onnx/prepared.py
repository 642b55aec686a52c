"""What a model does with its inputs before the first layer: scaling, and 1 for a category.

Where every piece before the first dense layer is one of these, they become steps of [[prepare]].
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from bpsheet.formula.parse import is_name
from bpsheet.models.onnx.cells import Array, Piece
from bpsheet.models.onnx.flow import Flow

__all__ = ["Prepared", "prepared_of", "raw_names"]

ONE_HOT = "if({0} = {1}, 1, 0)"


@dataclass
class Prepared:
    """The steps before the first layer.

    names:  of each cell that a layer may take: a raw input's, or a prepared one's
    raw:    the names of the raw inputs, in the model's order
    steps:  the table [[prepare]]
    pieces: the pieces that are left
    """

    names: dict[int, str]
    raw: list[str]
    steps: list[dict[str, Any]] = field(default_factory=list)
    pieces: list[Piece] = field(default_factory=list)


def raw_names(flow: Flow) -> dict[int, str] | None:
    """The names of the inputs' numbers; None where an input is no vector."""
    names: dict[int, str] = {}
    for given in flow.inputs:
        if len(given.blocks) != 1 or len(given.blocks[0].shape) > 1:
            return None
        count = given.ids.size
        stem = given.name if is_name(given.name) and not _is_ours(given.name) else "x"
        stem = stem if len(flow.inputs) == 1 or stem != "x" else f"x_{len(names) + 1}"
        own = [stem] if count == 1 else [f"{stem}{k + 1}" for k in range(count)]
        names |= dict(zip(given.ids.ravel().tolist(), own, strict=True))
    return names if len(set(names.values())) == len(names) else None


def _is_ours(name: str) -> bool:
    """Whether neurons, targets or weights may be called so."""
    return name == "out" or (name[0] in "hytzwb" and (len(name) == 1 or name[1:].isdigit()))


def prepared_of(flow: Flow) -> Prepared | None:
    """The steps before the first layer, and what is left; None where an input is no vector."""
    raw = raw_names(flow)
    if raw is None:
        return None
    found = Prepared(dict(raw), list(raw.values()))
    for place, piece in enumerate(flow.pieces):
        step = _step(flow, piece, found.names)
        if step is None:
            found.pieces = flow.pieces[place:]
            return found
        table, cells = step
        taken = set(found.names.values())
        for of, cell, ending in cells:
            name = f"{of}{ending}"
            while name in taken:
                name += "_"
            taken.add(name)
            found.names[cell] = name
        table["names"] = [found.names[cell] for _, cell, _ in cells]
        found.steps.append(table)
    return found


def _step(
    flow: Flow, piece: Piece, names: dict[int, str]
) -> tuple[dict[str, Any], list[tuple[str, int, str]]] | None:
    """A step, and of each number that it gives the input's name, the cell, and the ending of its name."""
    if not piece.pointwise or len(piece.out) != 1 or len(piece.out[0].shape) > 1:
        return None
    out = piece.out[0].ids.ravel()
    if any(pages[0].size not in (1, len(out)) for pages in piece.operands):
        return None
    given, *others = (np.broadcast_to(pages[0].ravel(), out.shape) for pages in piece.operands)
    if not all(int(cell) in names for cell in given):
        return None
    of = [names[int(cell)] for cell in given]
    numbers = [_numbers(flow, array) for array in others]
    if any(number is None for number in numbers):
        return None
    constants = [number.tolist() for number in numbers if number is not None]
    if piece.template == ONE_HOT and len(set(of)) == 1:
        endings = [f"_{value:g}".replace("-", "minus_").replace(".", "_") for value in constants[0]]
        table: dict[str, Any] = {"kind": "one_hot", "of": of[:1], "categories": constants[0]}
        return table, list(zip(of, out.tolist(), endings, strict=True))
    table = {"of": of, **(_scaling(piece.template, constants) or {})}
    if "kind" not in table:
        return None
    return table, [(name, int(cell), "_s") for name, cell in zip(of, out, strict=True)]


def _scaling(template: str, constants: list[list[float]]) -> dict[str, Any] | None:
    """The kind and the constants of a formula of one input and constants."""
    count = len(constants[0]) if constants else 0
    match template:
        case "({0} - {1})*{2}":
            return {"kind": "scaled", "offset": constants[0], "factor": constants[1]}
        case "({0} - {1})/{2}" if 0 not in constants[1]:
            return {"kind": "standard", "mean": constants[0], "sd": constants[1]}
        case "({0}*{1}) + {2}" if 0 not in constants[0]:
            offset = [-b / a for a, b in zip(*constants, strict=True)]
            return {"kind": "scaled", "offset": offset, "factor": constants[0]}
        case "{0} - {1}":
            return {"kind": "scaled", "offset": constants[0], "factor": [1.0] * count}
        case "{0}*{1}":
            return {"kind": "scaled", "offset": [0.0] * count, "factor": constants[0]}
        case "{0}/{1}" if 0 not in constants[0]:
            return {"kind": "max_abs", "largest": constants[0]}
    return None


def _numbers(flow: Flow, ids: Array) -> Array | None:
    """The numbers of cells that the model has; None where one is computed."""
    found = []
    for cell in map(int, ids):
        if cell < 0:
            found.append(flow.cells.numbers[-cell - 1])
            continue
        block = flow.cells.block_of(cell)
        if block.part is None:
            return None
        found.append(float(block.part.values.ravel()[cell - block.start]))
    return np.array(found)
