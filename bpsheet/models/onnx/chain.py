"""A model whose pieces are layers, one after another, as layers of an experiment file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from bpsheet.models.imported import Draft, Part
from bpsheet.models.onnx.cells import Array, Piece
from bpsheet.models.onnx.flow import Flow
from bpsheet.models.onnx.fusing import PRELU, activation_name, numbers_in, with_numbers
from bpsheet.models.onnx.prepared import Prepared, prepared_of
from bpsheet.models.weights import used_twice

__all__ = ["Chain", "chain_of"]


CONVOLUTION = ("kernel", "filters", "stride", "padding", "dilation", "groups")


@dataclass(frozen=True)
class Chain:
    """A model as layers.

    inputs:   the names of the inputs' numbers, in order
    shape:    the shape of one example (of each channel)
    channels: the number of channels; 0 for a model without
    outputs:  the shape of the output
    prepared: the steps before the first layer, if there are any
    """

    draft: Draft
    inputs: list[str]
    shape: tuple[int, ...]
    channels: int
    outputs: tuple[int, ...]
    prepared: Prepared | None = None


def chain_of(flow: Flow, source: str) -> Chain | None:
    """The layers of a model; None where its pieces are no chain of layers."""
    if len(flow.outputs) != 1 and not _all_along(flow):
        return None
    try:
        return _Chain(flow, source).chain()
    except _NoChainError:
        return None


def _all_along(flow: Flow) -> bool:
    """Whether all outputs are the same numbers."""
    return len({ids.tobytes() for _, ids in flow.outputs}) == 1


class _NoChainError(Exception):
    """The pieces do not follow one another."""


class _Chain:
    def __init__(self, flow: Flow, source: str) -> None:
        self.flow = flow
        self.draft = Draft("onnx", source)
        # What each layer gives, page by page, with the number of the layer; 0 for the input.
        self.given: list[tuple[int, list[Array]]] = []

    def chain(self) -> Chain:
        prepared = prepared_of(self.flow)
        pieces = self.flow.pieces if prepared is None or not prepared.steps else prepared.pieces
        inputs, names = self._inputs(pieces, prepared)
        self.given.append((0, inputs))
        for piece in pieces:
            self._piece(piece)
        shape, channels = self.given[0][1][0].shape, len(inputs)
        _, last = self.given[-1]
        output = self.flow.outputs[0][1]
        if len(last) > 1:
            self._flatten(output.ravel())
        elif not _are(last[0], output):
            self._reach([_plain(output)])
        (made,) = self.given[-1][1]
        if not self.draft.layers or not _are(made, output):
            raise _NoChainError
        if used_twice(self.draft.trained):
            # Layers have weights of their own; formulas may share them.
            raise _NoChainError
        kinds = {layer.get("kind", "dense") for layer in self.draft.layers}
        is_dense = len(shape) == 1 and channels == 1 and kinds == {"dense"}
        if prepared is not None and prepared.steps and not is_dense:
            raise _NoChainError
        return Chain(
            self.draft,
            names if is_dense else [],
            shape,
            channels if channels > 1 else 0,
            made.shape,
            prepared if is_dense and prepared is not None and prepared.steps else None,
        )

    def _inputs(
        self, pieces: Sequence[Piece], prepared: Prepared | None
    ) -> tuple[list[Array], list[str]]:
        """The inputs as pages. Several vectors, and prepared ones, are one, as the first layer has it."""
        blocks = [block for given in self.flow.inputs for block in given.blocks]
        if len(self.flow.inputs) == 1 and (prepared is None or not prepared.steps):
            pages = [block.ids for block in blocks]
            names = list(prepared.names.values()) if prepared is not None else []
            return pages, names
        if prepared is None or not pieces or len(pieces[0].operands) != 1:
            raise _NoChainError
        first = pieces[0].operands[0][0]
        known = [prepared.names.get(int(cell)) for cell in first.ravel()]
        if first.ndim != 1 or None in known or len(set(known)) < len(known):
            raise _NoChainError
        if not prepared.steps and len(known) != len(prepared.raw):
            raise _NoChainError
        return [first], [str(name) for name in known]

    # One piece

    def _piece(self, piece: Piece) -> None:
        if piece.settings.get("own"):
            raise _NoChainError
        if piece.kind == "" and piece.pointwise:
            self._pointwise(piece)
        elif piece.kind == "":
            self._formula(piece)
        elif piece.kind in MAKES:
            self._reach([operand[0] for operand in piece.operands])
            MAKES[piece.kind](self, piece)
        else:
            raise _NoChainError

    def _reach(self, wanted: list[Array]) -> None:
        """Put in what leads from the last layer's output to what a piece takes: flatten, or last."""
        _, last = self.given[-1]
        if last[0].ndim == 2 and len(last[0]) == 1 == wanted[0].ndim and _are(last[0], wanted[0]):
            # A sequence of one step.
            self._layer("last", wanted)
            return
        if _alike(last, wanted):
            return
        if len(wanted) == 1 and wanted[0].ndim == 1:
            if len(last) == 1 and last[0].ndim == 2 and np.array_equal(last[0][-1], wanted[0]):
                self._layer("last", wanted)
                return
            self._flatten(wanted[0])
            return
        raise _NoChainError

    def _flatten(self, wanted: Array) -> None:
        _, last = self.given[-1]
        flat = np.concatenate([page.ravel() for page in last])
        if not np.array_equal(flat, wanted):
            raise _NoChainError
        self._layer("flatten", [flat])

    def _layer(
        self, kind: str, gives: list[Array], parameters: Any = None, **settings: Any
    ) -> None:
        self.draft.layer(kind, parameters, **settings)
        self.given.append((len(self.draft.layers), gives))

    def _pointwise(self, piece: Piece) -> None:
        numbers = numbers_in(self.flow, piece)
        computed = [pages for place, pages in enumerate(piece.operands) if place not in numbers]
        gives = [block.ids for block in piece.out]
        _, last = self.given[-1]
        if len(computed) == 1:
            pages = computed[0]
            if not _alike(last, pages):
                self._reach(pages)
            text = with_numbers(piece.template, numbers)
            self._layer("activation", gives, activation=activation_name(text, self.flow.dtype))
            return
        if len(computed) == 2 and piece.template == PRELU and len(gives) == 1:
            self._slope(computed, gives)
            return
        if len(computed) != 2 or piece.template not in ("{0} + {1}", "{1} + {0}"):
            raise _NoChainError
        other = next((pages for pages in computed if not _alike(last, pages)), None)
        if other is None or sum(_alike(last, pages) for pages in computed) != 1:
            raise _NoChainError
        number = next((n for n, pages in self.given if _alike(pages, other)), None)
        if number is None:
            raise _NoChainError
        if number:
            self.draft.layers[number - 1].setdefault("name", f"layer{number}")
            name = self.draft.layers[number - 1]["name"]
        else:
            name = "x" if len(last) == 1 else "x1"
        self._layer("residual", gives, of=name)

    def _slope(self, computed: list[list[Array]], gives: list[Array]) -> None:
        ids = computed[1][0].ravel()
        block = self.flow.cells.block_of(int(ids[0]))
        if len(ids) != 1 or ids[0] < 0 or block.part is None:
            raise _NoChainError
        self._reach(computed[0])
        part = Part(block.part.name, block.part.values.reshape(()))
        self._layer("prelu", gives, {"a": part})

    def _formula(self, piece: Piece) -> None:
        """A mean over the steps, and softmax by itself, are layers too."""
        gives = [block.ids for block in piece.out]
        wanted = piece.operands[0]
        if len(piece.operands) == 1 and piece.template == "mean_down({0})":
            self._reach(wanted)
            self._layer("mean", gives)
        elif len(piece.operands) == 1 and piece.template == "softmax({0})" and len(gives) == 1:
            self._reach(wanted)
            self._layer("activation", gives, activation="softmax")
        else:
            raise _NoChainError

    def dense(self, piece: Piece) -> None:
        self._layer(
            "dense",
            [piece.out[0].ids],
            piece.parameters,
            units=piece.settings["units"],
            activation=piece.activation,
        )

    def convolution(self, piece: Piece) -> None:
        settings = {key: piece.settings[key] for key in CONVOLUTION}
        settings |= {} if "b1" in piece.parameters else {"bias": False}
        activation = piece.activation
        self._layer(
            "convolution",
            [b.ids for b in piece.out],
            piece.parameters,
            activation=activation,
            **settings,
        )

    def pool(self, piece: Piece) -> None:
        self._layer(piece.kind, [block.ids for block in piece.out], None, **piece.settings)

    def norm(self, piece: Piece) -> None:
        parameters = piece.parameters | piece.constants
        self._layer(piece.kind, [block.ids for block in piece.out], parameters, **piece.settings)

    def recurrent(self, piece: Piece) -> None:
        number, last = self.given[-1]
        if last[0].ndim == 1:
            # A sequence of one step, which is a vector so far.
            if number:
                raise _NoChainError
            self.given[-1] = (0, [piece.operands[0][0]])
        settings = {key: piece.settings[key] for key in ("units", "biases")}
        if piece.settings.get("reset") == "before":
            settings["reset"] = "before"
        self._layer(piece.kind, [piece.out[0].ids], piece.parameters | piece.constants, **settings)


MAKES = {
    "dense": _Chain.dense,
    "convolution": _Chain.convolution,
    "max_pool": _Chain.pool,
    "mean_pool": _Chain.pool,
    "batch_norm": _Chain.norm,
    "layer_norm": _Chain.norm,
    "rnn": _Chain.recurrent,
    "lstm": _Chain.recurrent,
    "gru": _Chain.recurrent,
}


def _plain(ids: Array) -> Array:
    """An output without axes of one entry."""
    shape = tuple(n for n in ids.shape if n > 1)
    return ids.reshape(shape or (1,))


def _are(page: Array, ids: Array) -> bool:
    return page.size == ids.size and bool((page.ravel() == ids.ravel()).all())


def _alike(pages: list[Array], others: list[Array]) -> bool:
    return len(pages) == len(others) and all(
        a.size == b.size
        and (a.shape == b.shape or a.size == 1 or _squeezed(a) == _squeezed(b))
        and bool((a.ravel() == b.ravel()).all())
        for a, b in zip(pages, others, strict=True)
    )


def _squeezed(page: Array) -> tuple[int, ...]:
    return tuple(n for n in page.shape if n > 1)
