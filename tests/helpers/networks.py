"""Networks of one's own or drawn at random, and their formulas as text."""

from __future__ import annotations

import numpy as np

import bpsheet as bp
from bpsheet.api.experiment import Experiment
from bpsheet.printers.text import formula_text
from bpsheet.tables.network import Layer, Network


def network(*layers, inputs=("x1", "x2"), targets=("y",), **more):
    return Network(
        inputs=list(inputs),
        targets=list(targets),
        loss="squared_error",
        layers=[Layer(**layer) for layer in layers],
        **more,
    )


def experiment(*layers, examples=((0.5, -1.0, 1.0),), notation=None, test=None, **more):
    tables = {
        "network": network(*layers, **more),
        "data": {"examples": [list(row) for row in examples]},
        "training": {"iterations": 1},
        "notation": notation or {},
    }
    return Experiment(**tables, **({"test": test} if test else {}))


def random_network(seed):
    """A random network of up to 6-8-4 neurons, with names of any length."""
    random = np.random.default_rng(seed)
    most = (6, 8, 4) if random.random() < 0.5 else (4, 5, 5, 3)
    sizes = [int(random.integers(1, size + 1)) for size in most]
    taken = set()

    def name():
        while True:
            length = random.choice([1, 2, 4, 12, 25])
            letters = "abcdefghijklmnopqrstuvwxyzABCMWQ"
            made = "".join(random.choice(list(letters), size=length)) + str(len(taken))
            if made not in taken:
                taken.add(made)
                return made

    bias = bool(random.random() < 0.8)
    layers = [{"neurons": [name() for _ in range(size)], "bias": bias} for size in sizes[1:]]
    targets = [name() for _ in range(sizes[-1])]
    inputs = [name() for _ in range(sizes[0])]
    if random.random() < 0.2:
        still = bp.Network(inputs=inputs, layers=layers)
        data = bp.Data(examples=[[0.5] * len(inputs)])
        return bp.Experiment(network=still, data=data, training=bp.Training(rule="none"))
    trained = bp.Network(inputs=inputs, targets=targets, loss="half_squared_error", layers=layers)
    data = bp.Data(examples=[[0.5] * (len(inputs) + len(targets))])
    return bp.Experiment(network=trained, data=data, training=bp.Training(iterations=1))


def formulas(made):
    return {
        column.name: formula_text(column.formula)
        for column in made.columns
        if column.formula is not None
    }


BOOK = {
    "weight": "w_{source}{neuron}{input}",
    "loss": "MSE",
    "loss_derivative": "MSE'",
    "output_derivative": "{neuron}'",
    "gradient": "d{loss} / d{weight}",
}
TWO = ({"neurons": ["g"], "activation": "tanh"}, {"neurons": ["f"]})
