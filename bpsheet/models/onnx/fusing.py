"""Pieces that belong together: a sum and its biases, a layer and its activation.

A model has a node for each operation. Here `z = W x`, `z + b` and `tanh(z)` become one layer again.
Two pieces are joined where nothing else takes what passes between them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

import numpy as np

from bpsheet.errors import FormulaError
from bpsheet.formula.evaluate import CellError, evaluate
from bpsheet.formula.parse import parse_formula
from bpsheet.models.imported import Part
from bpsheet.models.onnx.at import as_text
from bpsheet.models.onnx.cells import Array, Block, Piece
from bpsheet.models.onnx.flow import Flow
from bpsheet.textbook.activations import ACTIVATIONS, JointActivation

__all__ = ["PLACE", "PRELU", "activation_name", "fused", "numbers_in", "softened", "with_numbers"]

# The slope of this formula is a parameter, even where it is one number.
PRELU = "max(0, {0}) + {1}*min(0, {0})"
PLACE = re.compile(r"\{(\d+)\}")
# A formula of z is as long at the most.
LONGEST = 400
# Where activations are compared.
POINTS = (-7.3, -3.1, -2.2, -1.0, -0.6, -0.01, 0.0, 0.02, 0.7, 1.0, 1.9, 2.6, 3.5, 8.4)


def fused(flow: Flow) -> None:
    """Join the pieces of a model that belong together."""
    _leave_unused(flow)
    for joins in (_biases, _formulas, _activations):
        while joins(flow):
            pass
    _plain_numbers(flow)
    for piece in flow.pieces:
        if piece.kind in ("dense", "convolution") and "z" in piece.activation:
            piece.activation = activation_name(piece.activation, flow.dtype)


def _leave_unused(flow: Flow) -> None:
    """Leave out what no output depends on."""
    needed = {
        id(flow.cells.block_of(cell)) for _, ids in flow.outputs for cell in _firsts(flow, ids)
    }
    kept: list[Piece] = []
    for piece in reversed(flow.pieces):
        if any(id(block) in needed for block in piece.out):
            kept.append(piece)
            needed |= {
                id(flow.cells.block_of(cell))
                for pages in piece.operands
                for page in pages
                for cell in _firsts(flow, page)
            }
    flow.pieces = kept[::-1]


def _firsts(flow: Flow, ids: Array) -> list[int]:
    """Cells of an array, at least one of each block in it."""
    del flow
    return [int(cell) for cell in np.unique(ids) if cell >= 0]


class _Uses:
    """Which pieces take a block, and whether an output does."""

    def __init__(self, flow: Flow) -> None:
        self.flow = flow
        self.by_block: dict[int, list[Piece]] = {}
        self.outside: set[int] = set()
        for piece in flow.pieces:
            for block in {
                id(b): b for pages in piece.operands for page in pages for b in self._of(page)
            }.values():
                self.by_block.setdefault(id(block), []).append(piece)
        for _, ids in flow.outputs:
            self.outside |= {id(block) for block in self._of(ids)}

    def _of(self, ids: Array) -> list[Block]:
        return [self.flow.cells.block_of(cell) for cell in _firsts(self.flow, ids)]

    def only(self, piece: Piece) -> Piece | None:
        """The one piece that takes what this one makes; None where there are others, or outputs."""
        users: dict[int, Piece] = {}
        for block in piece.out:
            if id(block) in self.outside:
                return None
            users |= {id(user): user for user in self.by_block.get(id(block), [])}
        return next(iter(users.values())) if len(users) == 1 else None


def _same(page: Array, block: Block) -> bool:
    """Whether a page is a block as it is, up to axes of one entry."""
    return page.size == block.size and bool((page.ravel() == block.ids.ravel()).all())


def _takes(piece: Piece, source: Piece) -> list[int]:
    """The operands of a formula that are, page by page, what another piece makes."""
    return [
        place
        for place, pages in enumerate(piece.operands)
        if len(pages) == len(source.out)
        and all(_same(p, b) for p, b in zip(pages, source.out, strict=True))
    ]


def _takes_at_all(piece: Piece, source: Piece) -> bool:
    """Whether a formula takes nothing of another piece but whole blocks, in their order."""
    whole = _takes(piece, source)
    inside = np.concatenate([block.ids.ravel() for block in source.out])
    return bool(whole) and not any(
        np.isin(page, inside).any()
        for place, pages in enumerate(piece.operands)
        if place not in whole
        for page in pages
    )


def _join(flow: Flow, first: Piece, second: Piece) -> None:
    """What the second makes is what the first makes."""
    for block, old in zip(second.out, first.out, strict=True):
        if block.size == old.size:
            block.shape = old.shape
    first.out = second.out
    flow.pieces.remove(second)
    # The joined piece needs all that the second one needs: it stands where that one stood.


def _biases(flow: Flow) -> bool:
    uses = _Uses(flow)
    for piece in flow.pieces:
        if piece.kind not in ("dense", "convolution") or any(
            n == "b" or n[0] == "b" for n in piece.parameters
        ):
            continue
        user = uses.only(piece)
        if (
            user is None
            or user.template not in ("{0} + {1}", "{1} + {0}")
            or not _takes_at_all(user, piece)
        ):
            continue
        place = _takes(user, piece)[0]
        parts = [_part_of(flow, page) for page in user.operands[1 - place]]
        if any(part is None for part in parts):
            continue
        if piece.kind == "dense":
            units = piece.settings["units"]
            (part,) = parts
            if (
                part is None
                or part.values.size != units
                or any(b.size != o.size for b, o in zip(user.out, piece.out, strict=True))
            ):
                continue
            piece.parameters = {"b": Part(part.name, part.values.reshape(units))} | piece.parameters
        else:
            if any(part is None or part.values.size != 1 for part in parts):
                continue
            piece.parameters = {
                f"b{k + 1}": Part(part.name, part.values.reshape(()))
                for k, part in enumerate(parts)
                if part is not None
            } | piece.parameters
        _join(flow, piece, user)
        return True
    return False


def _part_of(flow: Flow, page: Array) -> Part | None:
    """The parameters that a page is, with their name; None for anything else."""
    ids = page.ravel()
    if not len(ids) or (ids < 0).any():
        return None
    block = flow.cells.block_of(int(ids[0]))
    if block.part is None or not block.trained:
        return None
    if _same(page, block):
        return block.part
    places = ids - block.start
    if len(ids) == 1 and len(block.shape) == 1:
        return Part(f"{block.part.name}[{places[0]}]", block.part.values[places[0]])
    return None


def _sources(flow: Flow, piece: Piece) -> set[bytes]:
    """The computed operands of a formula, without parameters and plain numbers."""
    found = set()
    for pages in piece.operands:
        flat = np.concatenate([page.ravel() for page in pages])
        computed = [c for c in flat if c >= 0 and flow.cells.block_of(int(c)).part is None]
        if computed:
            found.add(flat.tobytes())
    return found


def _formulas(flow: Flow) -> bool:
    """A formula in another one, where both are of one array."""
    uses = _Uses(flow)
    for piece in flow.pieces:
        if not piece.pointwise:
            continue
        user = uses.only(piece)
        if user is None or not user.pointwise or not _takes_at_all(user, piece):
            continue
        if any(b.size != o.size for b, o in zip(user.out, piece.out, strict=True)):
            continue
        places = _takes(user, piece)
        whole = np.concatenate([block.ids.ravel() for block in piece.out]).tobytes()
        if len((_sources(flow, user) - {whole}) | _sources(flow, piece)) != 1:
            continue
        template, operands = _inserted(user, piece, places)
        if len(template) > LONGEST:
            continue
        user.template, user.operands = template, operands
        user.meaning = user.meaning or piece.meaning
        flow.pieces.remove(piece)
        return True
    return False


def _inserted(user: Piece, piece: Piece, places: list[int]) -> tuple[str, list[list[Array]]]:
    """The formula of `user` with that of `piece` in it, and their operands without doubles."""
    operands: list[list[Array]] = []

    def place_of(pages: list[Array]) -> str:
        for place, known in enumerate(operands):
            if all(
                a.shape == b.shape and (a == b).all() for a, b in zip(known, pages, strict=True)
            ):
                return f"{{{place}}}"
        operands.append(pages)
        return f"{{{len(operands) - 1}}}"

    inner = PLACE.sub(lambda m: place_of(piece.operands[int(m[1])]), piece.template)
    inner = inner if re.fullmatch(r"\{\d+\}|\w+\([^()]*\)", inner) else f"({inner})"
    template = PLACE.sub(
        lambda m: inner if int(m[1]) in places else place_of(user.operands[int(m[1])]),
        user.template,
    )
    return template, operands


def with_numbers(template: str, numbers: Mapping[int, str]) -> str:
    """A formula with these operands as numbers, and z for the others."""
    return PLACE.sub(lambda found: numbers.get(int(found[1]), "z"), template)


def softened(flow: Flow) -> None:
    """Take the logarithm of softmax as softmax, for a loss that takes the logarithm itself."""
    if len(flow.pieces) < 3 or flow.pieces[-1].kind != "log_softmax":
        return
    largest, _, last = flow.pieces[-3:]
    if {int(cell) for block in last.out for cell in block.ids.ravel()} != {
        int(cell) for cell in flow.outputs[0][1].ravel()
    }:
        return
    flow.pieces[-3:] = [
        Piece(
            "",
            last.place,
            largest.operands,
            last.out,
            "softmax({0})",
            meaning="shares that add up to 1",
        )
    ]
    flow.notes.append(
        "The loss takes the logarithm of softmax itself, so the outputs are those of softmax."
    )


def numbers_in(flow: Flow, piece: Piece) -> dict[int, str]:
    """The operands of a formula that are one plain number on all pages."""
    found = {}
    for place, pages in enumerate(piece.operands):
        cells = {int(cell) for page in pages for cell in page.ravel()}
        if len(cells) != 1:
            continue
        cell = next(iter(cells))
        if cell < 0:
            found[place] = as_text(flow.cells.numbers[-cell - 1])
            continue
        block = flow.cells.block_of(cell)
        if block.part is not None and not block.shape and piece.template != PRELU:
            found[place] = as_text(float(block.part.values))
    return found


def _activations(flow: Flow) -> bool:
    uses = _Uses(flow)
    for piece in flow.pieces:
        if piece.kind not in ("dense", "convolution") or piece.activation != "linear":
            continue
        user = uses.only(piece)
        if user is None or user.kind or not _takes_at_all(user, piece):
            continue
        if any(b.size != o.size for b, o in zip(user.out, piece.out, strict=False)) or len(
            user.out
        ) != len(piece.out):
            continue
        if (
            user.template == "softmax({0})"
            and piece.kind == "dense"
            and piece.settings["units"] > 1
        ):
            piece.activation = "softmax"
            _join(flow, piece, user)
            return True
        if not user.pointwise:
            continue
        numbers = numbers_in(flow, user)
        places = _takes(user, piece)
        if len(places) + len(numbers) != len(user.operands):
            continue
        text = with_numbers(user.template, numbers)
        if len(text) > LONGEST:
            continue
        piece.activation = text
        _join(flow, piece, user)
        return True
    return False


def _plain_numbers(flow: Flow) -> None:
    """Single numbers of the model that are no biases are no parameters either."""
    for block in flow.cells.blocks:
        if block.part is not None and not block.shape and block.trained:
            block.trained = False


def activation_name(text: str, dtype: str) -> str:
    """The name of an activation that is this formula of z; the formula where none is.

    >>> activation_name("z*(1 + erf(z/1.4142135381698608))*0.5", "float32")
    'gelu'
    >>> activation_name("max(0, z)", "float64"), activation_name("3*z", "float64")
    ('relu', '3*z')
    """
    near = 1e-6 if dtype == "float32" else 1e-14
    try:
        values = _values(text)
    except (FormulaError, CellError):
        return text
    for name, row in ACTIVATIONS.items():
        if isinstance(row, JointActivation) or name in ("sign", "step"):
            continue
        if np.allclose(values, _values(row.formula), rtol=near, atol=near):
            return name
    return text


def _values(text: str) -> list[float]:
    tree = parse_formula(text, {"z"})
    return [evaluate(tree, lambda _, z=point: z, {}, {}) for point in POINTS]  # type: ignore[misc]
