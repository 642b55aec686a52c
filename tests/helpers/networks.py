"""Networks of one's own, and their formulas as text."""

from __future__ import annotations

from bpsheet.api.experiment import Experiment
from bpsheet.printers.text import formula_text
from bpsheet.tables.spec import Layer, Network


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
