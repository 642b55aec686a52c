"""Layers beyond dense ones: for each kind its parameters and its formulas.

The formulas are in the language of `[graph]`. `{x}` stands for what a layer is given, and `[t]` for a
step of a sequence: such formulas are there once for each step. A kind says for each formula what its
value means. The derivatives follow from the formulas, so a kind needs none.

>>> made = KINDS["rnn"].build(Given("x", (3, 2), {"units": 4, "biases": 1}))
>>> made.parameters["Wh"], made.formulas[-1].text, made.shape
((4, 4), 'h[t] = tanh(z[t])', (3, 4))
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

__all__ = ["KINDS", "Formula", "Given", "Kind", "Made", "Unfit"]

Shape = tuple[int, ...]


class Unfit(Exception):  # noqa: N818 - an answer to the file: what a layer cannot be made of
    """What a layer is given does not fit it; the message says what was expected."""


class Formula(NamedTuple):
    """A line of a layer, and what its value means."""

    text: str
    meaning: str


@dataclass(frozen=True)
class Given:
    """What a layer is made of.

    x:        the name of what it is given
    shape:    its shape: (n,) a vector, (m, n) a sequence of m vectors, or a picture
    settings: the layer's keys in the file, and the defaults of the others
    channels: the names of all channels, of which `x` is the first
    """

    x: str
    shape: Shape
    settings: Mapping[str, Any]
    channels: Sequence[str] = ()

    def __getattr__(self, name: str) -> Any:
        return self.settings[name]

    @property
    def size(self) -> int:
        """The length of the vector, or of each vector."""
        return self.shape[-1]


@dataclass(frozen=True)
class Made:
    """A layer: its parameters with their shapes, its formulas in order, and what it gives.

    output:    the name of what it gives; several names for channels
    shape:     its shape (of each channel)
    by_step:   whether `output` is a quantity for each step, `h[1]`, `h[2]` …
    constants: further parameters, which are never updated
    values:    the first values of parameters and constants that are not drawn and not 0
    ones:      the parameters that begin at 1
    fans:      how many numbers go into an entry, and out of it, for parameters that are no matrices
    drawn:     the masks that are drawn for each iteration: the share of zeros in each
    """

    formulas: Sequence[Formula]
    output: str | Sequence[str]
    shape: Shape
    parameters: Mapping[str, Shape] = field(default_factory=dict)
    constants: Mapping[str, Shape] = field(default_factory=dict)
    values: Mapping[str, Any] = field(default_factory=dict)
    ones: Sequence[str] = ()
    fans: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    drawn: Mapping[str, float] = field(default_factory=dict)
    by_step: bool = False


@dataclass(frozen=True)
class Kind:
    """A kind of layer.

    meaning:  what it does, in a few words
    takes:    the shapes that it can be given: "vector", "sequence", "picture" (each may have channels)
    build:    makes the layer
    needs:    the keys that the file must give
    settings: further keys, with their defaults
    by_step:  whether it reads a sequence step by step, `x[1]`, `x[2]` …, not as a matrix
    """

    meaning: str
    takes: Sequence[str]
    build: Callable[[Given], Made]
    needs: Sequence[str] = ()
    settings: Mapping[str, Any] = field(default_factory=dict)
    by_step: bool = False


def _dense(given: Given) -> Made:
    n, units = given.size, given.units
    step, product = "", f"W @ {given.x}"
    if len(given.shape) == 2:
        step, product = ("[t]", f"W @ {given.x}[t]") if given.by_step else ("", f"{given.x} @ W.T")
    whole = f"b + {product}" if given.has_bias else product
    return Made(
        [
            Formula(f"z{step} = {whole}", "weighted sum"),
            Formula(f"y{step} = {given.activation(f'z{step}')}", "output"),
        ],
        "y",
        (*given.shape[:-1], units),
        {"b": (units,), "W": (units, n)} if given.has_bias else {"W": (units, n)},
        by_step=bool(step),
    )


def _tied(given: Given) -> Made:
    """z = b + Wᵀ x with the weights W of another dense layer: its gradient has a part from here too."""
    weights, (inner, units) = given.of
    if inner != given.size:
        raise Unfit(
            f"a layer of {given.size} neurons expected, whose weights it takes; got {inner}"
        )
    whole = f"{weights}.T @ {given.x}"
    return Made(
        [
            Formula(f"z = {f'b + {whole}' if given.has_bias else whole}", "weighted sum"),
            Formula(f"y = {given.activation('z')}", "output"),
        ],
        "y",
        (units,),
        {"b": (units,)} if given.has_bias else {},
    )


def _prelu(given: Given) -> Made:
    """y = x where x is positive, and a x elsewhere; the slope a is trained."""
    return Made(
        [Formula(f"y = max(0, {given.x}) + a*min(0, {given.x})", "output")],
        "y",
        given.shape,
        {"a": ()},
        values={"a": 0.25},
    )


def _activation(given: Given) -> Made:
    names = [f"y{k}" if len(given.channels) > 1 else "y" for k in _numbered(given.channels)]
    lines = [
        Formula(f"{name} = {given.activation(x)}", "output")
        for name, x in zip(names, given.channels, strict=True)
    ]
    return Made(lines, names if len(names) > 1 else "y", given.shape)


def _numbered(names: Sequence[str]) -> range:
    return range(1, len(names) + 1)


def _biases(count: int, gate: str = "") -> tuple[list[str], str]:
    """The biases of a recurrent layer's weighted sum, and the sum's beginning. PyTorch has two."""
    if not 0 <= count <= 2:
        raise Unfit(f"0, 1 or 2 biases expected; got {count}")
    names = [f"b{gate}", f"d{gate}"][:count]
    return names, "".join(f"{name} + " for name in names)


def _rnn(given: Given) -> Made:
    """h_t = tanh(b + W_x x_t + W_h h_(t−1))."""
    steps, n, units = *given.shape, given.units
    biases, begin = _biases(given.biases)
    return Made(
        [
            Formula(f"z[t] = {begin}Wx @ {given.x}[t] + Wh @ h[t - 1]", "weighted sum"),
            Formula("h[t] = tanh(z[t])", "hidden state"),
        ],
        "h",
        (steps, units),
        dict.fromkeys(biases, (units,)) | {"Wx": (units, n), "Wh": (units, units)},
        {"h0": (units,)},
        by_step=True,
    )


GATES = {"i": "input gate", "f": "forget gate", "g": "candidate", "o": "output gate"}


def _lstm(given: Given) -> Made:
    """c_t = f_t c_(t−1) + i_t g_t and h_t = o_t tanh(c_t), with four gates of x_t and h_(t−1)."""
    steps, n, units = *given.shape, given.units
    biases = {g: _biases(given.biases, g) for g in GATES}
    sums = [
        Formula(
            f"z{g}[t] = {biases[g][1]}W{g} @ {given.x}[t] + U{g} @ h[t - 1]",
            f"sum of the {meaning}",
        )
        for g, meaning in GATES.items()
    ]
    gates = [
        Formula(f"{g}[t] = {'tanh' if g == 'g' else 'logistic'}(z{g}[t])", meaning)
        for g, meaning in GATES.items()
    ]
    return Made(
        [
            *sums,
            *gates,
            Formula("c[t] = f[t]*c[t - 1] + i[t]*g[t]", "cell state"),
            Formula("h[t] = o[t]*tanh(c[t])", "hidden state"),
        ],
        "h",
        (steps, units),
        {name: (units,) for g in GATES for name in biases[g][0]}
        | {f"W{g}": (units, n) for g in GATES}
        | {f"U{g}": (units, units) for g in GATES},
        {"h0": (units,), "c0": (units,)},
        by_step=True,
    )


def _gru(given: Given) -> Made:
    """h_t = (1 − u_t) n_t + u_t h_(t−1), with a reset gate r_t within the candidate n_t.

    The gate works on what the state adds to the candidate, or before that on the state itself.
    """
    steps, n, units = *given.shape, given.units
    is_after = given.reset == "after"
    gates = {"r": "reset gate", "u": "update gate"}
    biases = {g: _biases(given.biases, g) for g in (gates if is_after else (*gates, "n"))}
    if is_after:
        # Both of its biases are there at once: one is within the gate's product.
        names = ["bq", "bn"] if given.biases else []
        begin_of_state, begin = ("bq + ", "bn + ") if given.biases else ("", "")
        candidate = [
            Formula(
                f"q[t] = {begin_of_state}Un @ h[t - 1]", "what the state adds to the candidate"
            ),
            Formula(f"zn[t] = {begin}Wn @ {given.x}[t] + r[t]*q[t]", "sum of the candidate"),
        ]
    else:
        names, begin = biases.pop("n")
        candidate = [
            Formula("q[t] = r[t]*h[t - 1]", "what the reset gate leaves of the state"),
            Formula(f"zn[t] = {begin}Wn @ {given.x}[t] + Un @ q[t]", "sum of the candidate"),
        ]
    return Made(
        [
            *(
                Formula(
                    f"z{g}[t] = {biases[g][1]}W{g} @ {given.x}[t] + U{g} @ h[t - 1]",
                    f"sum of the {m}",
                )
                for g, m in gates.items()
            ),
            *(Formula(f"{g}[t] = logistic(z{g}[t])", m) for g, m in gates.items()),
            *candidate,
            Formula("n[t] = tanh(zn[t])", "candidate"),
            Formula("h[t] = (1 - u[t])*n[t] + u[t]*h[t - 1]", "hidden state"),
        ],
        "h",
        (steps, units),
        {name: (units,) for g in gates for name in biases[g][0]}
        | dict.fromkeys(names, (units,))
        | {f"W{g}": (units, n) for g in "run"}
        | {f"U{g}": (units, units) for g in "run"},
        {"h0": (units,)},
        by_step=True,
    )


def _convolution(given: Given) -> Made:
    """z_k = b_k + Σ_c x_c ⋆ K_kc: every filter has a kernel for each channel of its group."""
    size, axes, groups = given.kernel, len(given.shape), given.groups
    # From its first to its last entry a kernel with gaps is so long.
    room = min(given.shape) + 2 * given.padding
    if room < given.dilation * (size - 1) + 1:
        raise Unfit(f"a kernel of at most {(room - 1) // given.dilation + 1} entries expected")
    length = [
        (n + 2 * given.padding - given.dilation * (size - 1) - 1) // given.stride + 1
        for n in given.shape
    ]
    count = len(given.channels)
    if count % groups or given.filters % groups:
        said = f"a number of groups that divides {count} channels and {given.filters} filters"
        raise Unfit(f"{said} expected; got {groups}")
    filters = [f"{k}" for k in range(1, given.filters + 1)]
    each = count // groups
    inputs = {
        k: range(first * each + 1, (first + 1) * each + 1)
        for number, k in enumerate(filters)
        for first in [number * groups // given.filters]
    }
    kernels = {(k, c): f"K{k}" if each == 1 else f"K{k}_c{c}" for k in filters for c in inputs[k]}
    inner, outer = each * size**axes, given.filters // groups * size**axes
    moves = f"{given.stride}, {given.padding}"
    moves += f", {given.dilation}" if given.dilation > 1 else ""
    formulas = []
    for k in filters:
        terms = [f"conv({given.channels[c - 1]}, {kernels[k, c]}, {moves})" for c in inputs[k]]
        begin = [f"b{k}"] if given.has_bias else []
        formulas.append(Formula(f"z{k} = {' + '.join([*begin, *terms])}", f"sums of filter {k}"))
        formulas.append(Formula(f"y{k} = {given.activation(f'z{k}')}", f"feature map {k}"))
    return Made(
        formulas,
        [f"y{k}" for k in filters],
        tuple(length),
        ({f"b{k}": () for k in filters} if given.has_bias else {})
        | dict.fromkeys(kernels.values(), (size,) * axes),
        fans=dict.fromkeys(kernels.values(), (inner, outer)),
    )


def _pool(word: str, *, divide: bool) -> Callable[[Given], Made]:
    def build(given: Given) -> Made:
        size, stride = given.kernel, given.stride or given.kernel
        if size > min(given.shape):
            raise Unfit(f"a kernel of at most {min(given.shape)} entries expected")
        over = f"/{size ** len(given.shape)}" if divide else ""
        names = [f"p{k}" for k in range(1, len(given.channels) + 1)]
        what = "mean" if divide else "largest number"
        return Made(
            [
                Formula(f"{name} = {word}({x}, {size}, {stride}){over}", f"{what} of each window")
                for name, x in zip(names, given.channels, strict=True)
            ],
            names,
            tuple((n - size) // stride + 1 for n in given.shape),
        )

    return build


def _batch_norm(given: Given) -> Made:
    """n = (x − mean)/√(variance + ε) over the examples of a row, then y = g n + b.

    Forward passes alone, and `running`, take the running mean and variance of an earlier training.
    """
    is_trained = given.is_trained and not given.running
    if is_trained and (len(given.shape) != 2 or len(given.channels) > 1 or given.shape[0] < 2):
        raise Unfit("a matrix with a row for each of at least 2 examples expected")
    if len(given.channels) > 1:
        return _channel_norm(given)
    count, x, size = given.shape[0], given.x, given.shape[-1:]
    keep, share = 1 - given.momentum, given.momentum
    mean, variance = ("m", "v") if is_trained else ("rm0", "rv0")
    difference = [Formula(f"d = {x} - {mean}", "difference from the mean")]
    taken = [
        Formula(f"m = mean_down({x})", "mean over the batch"),
        *difference,
        Formula("v = mean_down(d^2)", "variance over the batch"),
    ]
    running = [
        Formula(
            f"rm = {keep!r}*last(rm, rm0) + {share!r}*m",
            "running mean, for use after the training",
        ),
        Formula(
            f"rv = {keep!r}*last(rv, rv0) + {share * count / max(count - 1, 1)!r}*v",
            "running variance, for use after the training",
        ),
    ]
    normalised = [
        Formula(f"s = sqrt({variance} + {given.epsilon!r})", "root of the variance"),
        Formula("n = d/s", "normalised"),
        Formula("y = g*n + b", "normalised, then scaled and moved"),
    ]
    return Made(
        [*taken, *normalised, *running] if is_trained else [*difference, *normalised],
        "y",
        given.shape,
        {"g": size, "b": size},
        {"rm0": size, "rv0": size},
        values={"rv0": [1.0] * size[0]},
        ones=["g"],
    )


def _channel_norm(given: Given) -> Made:
    """y_k = g_k (x_k − mean_k)/√(variance_k + ε) + b_k, with the running statistics of each channel."""
    numbers = list(map(str, _numbered(given.channels)))
    formulas = []
    for k, x in zip(numbers, given.channels, strict=True):
        formulas += [
            Formula(
                f"s{k} = sqrt(r{k}v + {given.epsilon!r})", f"root of the variance of channel {k}"
            ),
            Formula(f"n{k} = ({x} - r{k}m)/s{k}", f"channel {k}, normalised"),
            Formula(f"y{k} = g{k}*n{k} + b{k}", "normalised, then scaled and moved"),
        ]
    return Made(
        formulas,
        [f"y{k}" for k in numbers],
        given.shape,
        {f"{name}{k}": () for k in numbers for name in "gb"},
        {f"r{k}{name}": () for k in numbers for name in "mv"},
        values={f"r{k}v": 1.0 for k in numbers},
        ones=[f"g{k}" for k in numbers],
    )


def _layer_norm(given: Given) -> Made:
    """n = (x − mean)/√(variance + ε) over the numbers of each vector, then y = g n + b."""
    x, is_matrix = given.x, len(given.shape) == 2
    mean = "mean_across" if is_matrix else "mean"

    def each(name: str) -> str:
        return f"column({name})" if is_matrix else name

    return Made(
        [
            Formula(f"m = {mean}({x})", "mean"),
            Formula(f"d = {x} - {each('m')}", "difference from the mean"),
            Formula(f"v = {mean}(d^2)", "variance"),
            Formula(f"s = sqrt(v + {given.epsilon!r})", "root of the variance"),
            Formula(f"n = d/{each('s')}", "normalised"),
            Formula("y = g*n + b", "normalised, then scaled and moved"),
        ],
        "y",
        given.shape,
        {"g": (given.size,), "b": (given.size,)},
        ones=["g"],
    )


def _dropout(given: Given) -> Made:
    """y = k x/(1 − rate), where the mask k, of 0 and 1, is drawn for each iteration."""
    keep, count = 1 - given.rate, len(given.channels)
    ends = [""] if count == 1 else [str(number) for number in _numbered(given.channels)]
    lines = [
        Formula(
            f"y{end} = k{end}*{x}/{keep!r}",
            "what the mask keeps, divided by the share that is kept",
        )
        for end, x in zip(ends, given.channels, strict=True)
    ]
    return Made(
        lines,
        "y" if count == 1 else [f"y{end}" for end in ends],
        given.shape,
        drawn={f"k{end}": given.rate for end in ends},
    )


def _embedding(given: Given) -> Made:
    """The row of E with the token's number, as a product with a vector of one 1."""
    count, units = given.tokens, given.units
    return Made(
        [
            Formula(f"p = one_hot({given.x}, {count})", "1 at the token's number"),
            Formula("y = p @ E", "the token's row of the table"),
        ],
        "y",
        (given.size, units),
        {"E": (count, units)},
    )


def _attention(given: Given) -> Made:
    """A_h = softmax(Q_h K_hᵀ/√d), and y = Σ_h A_h V_h O_h over the heads h."""
    steps, n = given.shape
    heads = [""] if given.heads == 1 else [f"{h}" for h in range(1, given.heads + 1)]
    width = given.units or n
    if width % given.heads:
        raise Unfit(f"a number of units that {given.heads} heads can share expected; got {width}")
    if given.biases > 1:
        raise Unfit(f"0 or 1 bias expected; got {given.biases}")
    d, x = width // given.heads, given.x
    formulas: list[Formula] = []
    parameters: dict[str, Shape] = {}
    for h in heads:
        scores = f"Q{h} @ K{h}.T/sqrt({d})"
        of = f" of head {h}" if h else ""
        begin = {m: f"b{m}{h} + " if given.biases else "" for m in "QKV"}
        formulas += [
            Formula(f"Q{h} = {begin['Q']}{x} @ WQ{h}", f"queries{of}"),
            Formula(f"K{h} = {begin['K']}{x} @ WK{h}", f"keys{of}"),
            Formula(f"V{h} = {begin['V']}{x} @ WV{h}", f"values{of}"),
            Formula(f"S{h} = {f'causal({scores})' if given.causal else scores}", f"scores{of}"),
            Formula(f"A{h} = softmax(S{h})", f"attention{of}: shares that add up to 1"),
            Formula(f"H{h} = A{h} @ V{h}", f"what is attended to{of}"),
        ]
        parameters |= {f"W{m}{h}": (n, d) for m in "QKV"} | {f"WO{h}": (d, n)}
        parameters |= {f"b{m}{h}": (d,) for m in "QKV"} if given.biases else {}
    parameters |= {"bO": (n,)} if given.biases else {}
    whole = " + ".join([*(["bO"] if given.biases else []), *(f"H{h} @ WO{h}" for h in heads)])
    return Made(
        [*formulas, Formula(f"y = {whole}", "what the heads give together")],
        "y",
        (steps, n),
        parameters,
    )


def _positions(given: Given) -> Made:
    """P_(t, 2i) = sin(t/10000^(2i/n)) and P_(t, 2i+1) = cos(t/10000^(2i/n)), with t from 0."""
    steps, n = given.shape
    waves = (math.sin, math.cos)
    code = [[waves[k % 2](t / 10_000 ** (k // 2 * 2 / n)) for k in range(n)] for t in range(steps)]
    return Made(
        [Formula(f"y = {given.x} + P", "with the code of its position")],
        "y",
        given.shape,
        constants={"P": given.shape},
        values={"P": code},
    )


def _residual(given: Given) -> Made:
    others, shape = given.of
    if shape != given.shape or len(others) != len(given.channels):
        raise Unfit(f"two of one shape expected; got {given.shape} and {shape}")
    names = [f"y{k}" if len(others) > 1 else "y" for k in _numbered(others)]
    lines = [
        Formula(f"{name} = {other} + {x}", "what went in, plus what came out")
        for name, other, x in zip(names, others, given.channels, strict=True)
    ]
    return Made(lines, names if len(names) > 1 else "y", shape)


def _flatten(given: Given) -> Made:
    count = math.prod(given.shape) * len(given.channels)
    line = f"y = flat({', '.join(given.channels)})"
    return Made([Formula(line, "all numbers as one vector")], "y", (count,))


def _last_step(given: Given) -> Made:
    return Made([Formula(f"y = {given.x}[{given.shape[0]}]", "the last step")], "y", (given.size,))


def _mean_step(given: Given) -> Made:
    return Made([Formula(f"y = mean_down({given.x})", "mean over the steps")], "y", (given.size,))


UNITS = ("units",)
KINDS: Mapping[str, Kind] = {
    "dense": Kind("each output of all inputs", ("vector", "sequence"), _dense, UNITS, by_step=True),
    "tied": Kind(
        "dense, with the weights of another layer turned round", ("vector",), _tied, ("of",)
    ),
    "activation": Kind("an activation alone", ("vector", "sequence", "picture"), _activation),
    "prelu": Kind("relu whose slope below 0 is trained", ("vector", "sequence"), _prelu),
    "rnn": Kind(
        "a simple recurrent layer", ("sequence",), _rnn, UNITS, {"biases": 1}, by_step=True
    ),
    "lstm": Kind(
        "a recurrent layer with a cell and three gates",
        ("sequence",),
        _lstm,
        UNITS,
        {"biases": 1},
        by_step=True,
    ),
    "gru": Kind(
        "a recurrent layer with two gates",
        ("sequence",),
        _gru,
        UNITS,
        {"biases": 1, "reset": "after"},
        by_step=True,
    ),
    "convolution": Kind(
        "filters that move over a vector or a picture",
        ("vector", "sequence", "picture"),
        _convolution,
        ("kernel",),
        {"filters": 1, "stride": 1, "padding": 0, "dilation": 1, "groups": 1},
    ),
    "max_pool": Kind(
        "the largest number of each window",
        ("vector", "sequence", "picture"),
        _pool("max_pool", divide=False),
        ("kernel",),
        {"stride": None},
    ),
    "mean_pool": Kind(
        "the mean of each window",
        ("vector", "sequence", "picture"),
        _pool("sum_pool", divide=True),
        ("kernel",),
        {"stride": None},
    ),
    "batch_norm": Kind(
        "normalised over the examples of a batch",
        ("sequence", "vector", "picture"),
        _batch_norm,
        (),
        {"epsilon": 1e-5, "momentum": 0.1, "running": False},
    ),
    "layer_norm": Kind(
        "normalised over each vector", ("vector", "sequence"), _layer_norm, (), {"epsilon": 1e-5}
    ),
    "dropout": Kind(
        "some numbers left out at random", ("vector", "sequence", "picture"), _dropout, ("rate",)
    ),
    "embedding": Kind("a vector for each token", ("vector",), _embedding, ("tokens", "units")),
    "attention": Kind(
        "what each step takes from all steps",
        ("sequence",),
        _attention,
        (),
        {"heads": 1, "units": None, "causal": False, "biases": 0},
    ),
    "positions": Kind("a code of each position is added", ("sequence",), _positions),
    "residual": Kind(
        "an earlier output is added", ("vector", "sequence", "picture"), _residual, ("of",)
    ),
    "flatten": Kind("all numbers as one vector", ("vector", "sequence", "picture"), _flatten),
    "last": Kind("the last step of a sequence", ("sequence",), _last_step, by_step=True),
    "mean": Kind("the mean over the steps of a sequence", ("sequence",), _mean_step),
}
