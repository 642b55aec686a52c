"""The recurrent operators of ONNX. Their arrays have the gates one below the other.

LSTM has the order input, output, forget, candidate; GRU update, reset, candidate. Each sum has two
biases. The state that enters, of zeros unless the model has another, is never trained.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from bpsheet.models.imported import Part
from bpsheet.models.onnx.at import At
from bpsheet.models.onnx.cells import Array, Known, Live, Uncovered, Value

__all__ = ["gru", "lstm", "rnn"]

ACTIVATIONS = {"Tanh": "tanh({z})", "Sigmoid": "logistic({z})", "Relu": "max(0, {z})"}
Given = dict[str, Part]


class _Recurrent:
    """A recurrent node: its arrays by direction and gate."""

    def __init__(self, at: At, gates: str, given: tuple[Value | None, ...]) -> None:
        self.at = at
        self.gates = gates
        x, w, r, bias, lengths, first, cell, peephole = (*given, *(None,) * 8)[:8]
        if x is None:
            raise Uncovered("a sequence expected")
        if peephole is not None:
            raise Uncovered("gates that do not look at the cell (no peepholes) expected")
        if at.get("clip") is not None:
            raise Uncovered("sums that are not cut (no clip) expected")
        if at.get("input_forget", 0):
            raise Uncovered("gates of their own (input_forget 0) expected")
        live = at.live(x)
        self.is_batch_first = bool(at.get("layout", 0))
        ids = live.ids if self.is_batch_first else np.swapaxes(live.ids, 0, 1)
        if ids.ndim != 3 or ids.shape[0] != 1:
            raise Uncovered(
                f"one example of a sequence of vectors expected; got the shape {live.shape}"
            )
        self.x = ids[0]
        self.steps = len(self.x)
        if (isinstance(lengths, Known) and (lengths.values != self.steps).any()) or isinstance(
            lengths, Live
        ):
            raise Uncovered("sequences of one length expected")
        self.inner = at.known(w, "the weights")
        self.state = at.known(r, "the weights of the state")
        self.bias = None if bias is None else at.known(bias, "the biases")
        self.directions, rows, self.units = self.state.shape
        if (
            self.inner.shape != (self.directions, rows, self.x.shape[1])
            or rows != len(gates) * self.units
        ):
            raise Uncovered(f"weights for {len(gates)} gates of {self.units} units expected")
        kind = at.get("direction", "forward")
        self.backwards = {
            "forward": (False,),
            "reverse": (True,),
            "bidirectional": (False, True),
        }.get(kind, ())
        if len(self.backwards) != self.directions:
            raise Uncovered(f"direction forward, reverse or bidirectional expected; got {kind}")
        self.first, self.cell = first, cell

    def activations(self, direction: int, default: tuple[str, ...]) -> tuple[str, ...]:
        given = self.at.get("activations") or default * self.directions
        one = tuple(given[direction * len(default) : (direction + 1) * len(default)])
        named = {name.lower(): name for name in ACTIVATIONS}
        if any(name.lower() not in named for name in one) or self.at.get("activation_alpha"):
            raise Uncovered(f"activations {', '.join(ACTIVATIONS)} expected; got {', '.join(one)}")
        return tuple(named[name.lower()] for name in one)

    def gate(
        self, known: Known, what: str, direction: int, gate: str, *, second: bool = False
    ) -> Part:
        """The part of an array that belongs to a gate."""
        place = self.gates.index(gate) + (len(self.gates) if second else 0)
        begin = place * self.units
        part = known.as_part(f"{self.at.node.name}.{what}")
        values = part.values[direction, begin : begin + self.units]
        # An exporter may have given an array its axis of directions by a node.
        front = f"{direction}, " if part.axes == part.values.ndim else ""
        return Part(f"{part.name}[{front}{begin}:{begin + self.units}]", values)

    def parameters(self, direction: int, weights: str, state: str, names: dict[str, str]) -> Given:
        """The parameters of a direction: by gate the letter in our names."""
        found: Given = {}
        for gate, ours in names.items():
            if self.bias is not None:
                found[f"b{ours}"] = self.gate(self.bias, "B", direction, gate)
                found[f"d{ours}"] = self.gate(self.bias, "B", direction, gate, second=True)
        for gate, ours in names.items():
            found[f"{weights}{ours}"] = self.gate(self.inner, "W", direction, gate)
            found[f"{state}{ours}"] = self.gate(self.state, "R", direction, gate)
        return found

    def begin(self, value: Value | None, direction: int) -> Part | Array | None:
        """The state that enters: the model's own, or cells that it computes; None for zeros."""
        if value is None:
            return None
        whole = value.values if isinstance(value, Known) else self.at.live(value).ids
        if whole.size != self.directions * self.units:
            raise Uncovered(f"a first state of {self.units} numbers for each direction expected")
        # One example: the axis of the examples has one entry, wherever it is.
        own = whole.reshape(self.directions, self.units)[direction]
        if isinstance(value, Live):
            return own
        if not np.any(own):
            return None
        return Part(f"{self.at.node.name}.state[{direction}]", own)

    def begins(self, direction: int, *, cell: bool = False) -> tuple[Given, dict[str, Array]]:
        """The constants h0 and c0, and the states that are computed."""
        states = {"h0": self.begin(self.first, direction)}
        if cell:
            states["c0"] = self.begin(self.cell, direction)
        constants = {name: state for name, state in states.items() if isinstance(state, Part)}
        computed = {name: state for name, state in states.items() if isinstance(state, np.ndarray)}
        return constants, computed

    def made(
        self, build: Callable[[int, list[Array]], tuple[Any, Any]], *, cell: bool = False
    ) -> Any:
        """The outputs of all directions: every step, the last one, and that of the cell."""
        wholes, cells = [], []
        for direction, backwards in enumerate(self.backwards):
            x = self.x[::-1] if backwards else self.x
            out, inside = build(direction, [x])
            wholes.append(out.ids[::-1] if backwards else out.ids)
            cells.append(inside)
        every = np.stack(wholes)  # directions, steps, units
        last = np.stack([w[0] if b else w[-1] for w, b in zip(wholes, self.backwards, strict=True)])
        if self.is_batch_first:
            outputs = [Live(every.transpose(1, 0, 2)[np.newaxis]), Live(last[np.newaxis])]
        else:
            outputs = [Live(every.transpose(1, 0, 2)[:, :, np.newaxis]), Live(last[:, np.newaxis])]
        if cell:
            inner = np.stack(cells)
            outputs.append(Live(inner[np.newaxis] if self.is_batch_first else inner[:, np.newaxis]))
        return tuple(outputs[: len(self.at.node.outputs)])


def _biases(node: _Recurrent, parameters: Given) -> int:
    """How many biases each sum has. A second one of zeros, as Keras has it, is none."""
    if node.bias is None:
        return 0
    second = [name for name in parameters if name.startswith("d")]
    if any(parameters[name].values.any() for name in second):
        return 2
    for name in second:
        del parameters[name]
    return 1


def rnn(at: At, *given: Value | None) -> Any:
    """h_t = f(b + d + Wx x_t + Wh h_(t−1))."""
    node = _Recurrent(at, "i", given)

    def build(direction: int, pages: list[Array]) -> tuple[Any, Any]:
        (activation,) = node.activations(direction, ("Tanh",))
        parameters = {
            {"bx": "b", "dx": "d", "Wx": "Wx", "Ux": "Wh"}[name]: part
            for name, part in node.parameters(direction, "W", "U", {"i": "x"}).items()
        }
        count = _biases(node, parameters)
        out = at.cells.block((node.steps, node.units), "h", by_step=True)
        constants, computed = node.begins(direction)
        plain = "".join(f"{b} + " for b in ("b", "d")[:count])
        lines = [
            (f"z[t] = {plain}Wx @ {{0}}[t] + Wh @ h[t - 1]", "weighted sum"),
            (f"h[t] = {ACTIVATIONS[activation].format(z='z[t]')}", "hidden state"),
        ]
        at.add(
            "rnn",
            [pages, *([state] for state in computed.values())],
            [out],
            parameters=parameters,
            constants=constants,
            settings={
                "units": node.units,
                "biases": count,
                "own": activation != "Tanh" or bool(computed),
                "states": list(computed),
            },
            lines=lines,
        )
        return out, None

    return node.made(build)


def lstm(at: At, *given: Value | None) -> Any:
    """c_t = f_t c_(t−1) + i_t g_t and h_t = o_t tanh(c_t)."""
    node = _Recurrent(at, "iofc", given)

    def build(direction: int, pages: list[Array]) -> tuple[Any, Any]:
        usual = ("Sigmoid", "Tanh", "Tanh")
        functions = node.activations(direction, usual)
        parameters = node.parameters(direction, "W", "U", {"i": "i", "f": "f", "c": "g", "o": "o"})
        count = _biases(node, parameters)
        out = at.cells.block((node.steps, node.units), "h", by_step=True)
        inside = at.cells.block((node.steps, node.units), "c", by_step=True)
        constants, computed = node.begins(direction, cell=True)
        gate, candidate, leaving = (ACTIVATIONS[name] for name in functions)
        lines = [
            (
                f"z{g}[t] = {''.join(f'{b}{g} + ' for b in 'bd'[:count])}W{g} @ {{0}}[t] + U{g} @ h[t - 1]",
                f"sum of {g}",
            )
            for g in "ifgo"
        ]
        lines += [
            (f"{g}[t] = {(candidate if g == 'g' else gate).format(z=f'z{g}[t]')}", f"gate {g}")
            for g in "ifgo"
        ]
        lines += [
            ("c[t] = f[t]*c[t - 1] + i[t]*g[t]", "cell state"),
            (f"h[t] = o[t]*{leaving.format(z='c[t]')}", "hidden state"),
        ]
        at.add(
            "lstm",
            [pages, *([state] for state in computed.values())],
            [out, inside],
            parameters=parameters,
            constants=constants,
            settings={
                "units": node.units,
                "biases": count,
                "own": functions != usual or bool(computed),
                "states": list(computed),
            },
            lines=lines,
        )
        return out, inside.ids[-1]

    return node.made(build, cell=True)


def gru(at: At, *given: Value | None) -> Any:
    """h_t = (1 − u_t) n_t + u_t h_(t−1); the reset gate works after the state's product, or before it."""
    node = _Recurrent(at, "zrh", given)
    is_after = bool(at.get("linear_before_reset", 0))

    def build(direction: int, pages: list[Array]) -> tuple[Any, Any]:
        usual = ("Sigmoid", "Tanh")
        functions = node.activations(direction, usual)
        parameters = node.parameters(direction, "W", "U", {"r": "r", "z": "u", "h": "n"})
        has_bias = node.bias is not None
        # Of a gate that works after the product the candidate's second bias is within that.
        own = {name: parameters.pop(name) for name in ("bn", "dn") if is_after and has_bias}
        count = _biases(node, parameters)
        if own:
            parameters |= {"bn": own["bn"], "bq": own["dn"]}
        out = at.cells.block((node.steps, node.units), "h", by_step=True)
        constants, computed = node.begins(direction)
        gate, candidate = (ACTIVATIONS[name] for name in functions)
        lines = [
            (
                f"z{g}[t] = {''.join(f'{b}{g} + ' for b in 'bd'[:count])}W{g} @ {{0}}[t] + U{g} @ h[t - 1]",
                f"sum of {g}",
            )
            for g in "ru"
        ]
        lines += [(f"{g}[t] = {gate.format(z=f'z{g}[t]')}", f"gate {g}") for g in "ru"]
        bias = "".join(f"{b} + " for b in ("bn", "dn") if b in parameters)
        if is_after:
            lines += [
                (
                    f"q[t] = {'bq + ' if has_bias else ''}Un @ h[t - 1]",
                    "what the state adds to the candidate",
                ),
                (f"zn[t] = {bias}Wn @ {{0}}[t] + r[t]*q[t]", "sum of the candidate"),
            ]
        else:
            lines += [
                ("q[t] = r[t]*h[t - 1]", "what the reset gate leaves of the state"),
                (f"zn[t] = {bias}Wn @ {{0}}[t] + Un @ q[t]", "sum of the candidate"),
            ]
        lines += [
            (f"n[t] = {candidate.format(z='zn[t]')}", "candidate"),
            ("h[t] = (1 - u[t])*n[t] + u[t]*h[t - 1]", "hidden state"),
        ]
        at.add(
            "gru",
            [pages, *([state] for state in computed.values())],
            [out],
            parameters=parameters,
            constants=constants,
            settings={
                "units": node.units,
                "biases": count,
                "own": functions != usual or bool(computed),
                "reset": "after" if is_after else "before",
                "states": list(computed),
            },
            lines=lines,
        )
        return out, None

    return node.made(build)
