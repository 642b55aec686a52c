"""The work of the passes: the operations in the program's formulas, counted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from bpsheet.formula.tree import Call, Compare, Div, Mul, Pow, Sub, Sum, walk
from bpsheet.plan.plan import Plan
from bpsheet.program.column import Column
from bpsheet.program.kinds import Phase, Role
from bpsheet.program.program import Program

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["KINDS", "by_size", "operations"]

KINDS = ("additions", "multiplications", "divisions", "powers", "functions", "comparisons")
SIZES = (1, 2, 4, 8, 16, 32)


def _counted(columns: Iterable[Column]) -> Counter[str]:
    """The operations that it takes to compute columns once. A minus sign costs nothing."""
    counts: Counter[str] = Counter()
    for column in columns:
        for node in walk(column.formula) if column.formula is not None else ():
            match node:
                case Sum(terms):
                    counts["additions"] += len(terms) - 1
                case Sub():
                    counts["additions"] += 1
                case Mul():
                    counts["multiplications"] += 1
                case Div():
                    counts["divisions"] += 1
                case Pow():
                    counts["powers"] += 1
                case Call():
                    counts["functions"] += 1
                case Compare():
                    counts["comparisons"] += 1
    return counts


def operations(program: Program) -> pd.DataFrame:
    """The operations of one iteration's forward pass, backward pass, and of brute force.

    Brute force is a forward pass for each weight and one more. The table has a row for each kind
    of operation and one for their total.

    >>> import bpsheet as bp
    >>> operations(bp.load("two-neuron").program()).loc["total"].tolist()
    [13, 13, 78]
    """
    import pandas as pd

    forward = _counted(program.phase(Phase.FORWARD))
    backward = _counted(program.phase(Phase.BACKWARD, Phase.GRADIENT))
    weights = sum(1 for column in program if column.role is Role.WEIGHT)
    frame = pd.DataFrame(
        {
            "forward": [forward[kind] for kind in KINDS],
            "backward": [backward[kind] for kind in KINDS],
            "brute force": [(weights + 1) * forward[kind] for kind in KINDS],
        },
        index=pd.Index(KINDS, name="operation"),
    )
    frame.loc["total"] = frame.sum()
    return frame


def by_size(sizes: Sequence[int] = SIZES) -> pd.DataFrame:
    """The operations of networks of several sizes.

    A network has `size` inputs and `size` neurons in one hidden layer. The table has a row for
    each size: the number of weights, the operations of the passes and of brute force, and the
    latter two divided by those of the forward pass.

    >>> by_size([2, 8])["backward/forward"].round(1).tolist()
    [1.0, 0.7]
    """
    import pandas as pd

    rows = []
    for size in sizes:
        plan = Plan(
            network={
                "inputs": [f"x{n + 1}" for n in range(size)],
                "targets": ["t"],
                "loss": "half_squared_error",
                "layers": [{"units": size, "activation": "tanh"}, {"units": 1}],
            },
            data={"examples": [[0.0] * (size + 1)]},
            training={"iterations": 1},
        )
        program = plan.program()
        total = operations(program).loc["total"]
        rows.append(
            {
                "size": size,
                "weights": len(plan.model.weights),
                "forward": total["forward"],
                "backward": total["backward"],
                "brute force": total["brute force"],
                "backward/forward": total["backward"] / total["forward"],
                "brute/forward": total["brute force"] / total["forward"],
            }
        )
    return pd.DataFrame(rows).set_index("size")
