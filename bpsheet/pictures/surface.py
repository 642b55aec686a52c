"""The loss as a surface over two weights, and the path of training across it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from bpsheet.engine.forward import compiled
from bpsheet.engine.recording import Values
from bpsheet.errors import ExperimentError, Problem
from bpsheet.pictures.matplot import words
from bpsheet.program.kinds import Phase
from bpsheet.words import nearest

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from bpsheet.runs.run import Run

__all__ = ["draw_surface", "surface"]

# The points along each side, and the margin around the path: a share of its extent, or the least.
POINTS, BEYOND, AT_LEAST = 41, 0.5, 0.5


def surface(
    trace: Run, names: tuple[str, str], points: int = POINTS
) -> tuple[Values, Values, Values]:
    """The mean loss over all examples as a function of two weights.

    The other weights have their last values. Returns the values of the first weight (`points`
    of them), of the second weight, and the losses as a matrix with a row for each value of the
    second weight. A loss without a value is NaN.
    Raises ExperimentError for unknown weights and for an experiment without a loss.
    """
    program = trace.program
    loss = program.loss
    weights = [column.name for column in program.phase(Phase.WEIGHT)]
    problems = [
        Problem(name, f"no such weight; {nearest(name, weights)}")
        for name in names
        if name not in weights
    ]
    if loss is None:
        problems.append(Problem("", "this experiment has no loss"))
    if problems:
        raise ExperimentError(problems, "surface")
    assert loss is not None
    given = [column.name for column in program.phase(Phase.INPUT, Phase.WEIGHT)]
    run = compiled(program.phase(Phase.FORWARD), given, [loss.name], program.parameters)
    last = np.flatnonzero(np.isfinite(trace.values).all(axis=1))[-1]
    values = dict(zip(program.names, trace.values[last].tolist(), strict=True))
    count = max(1, program.example_count)
    rows = [
        {name: table[index] for name, table in program.tables.items()} for index in range(count)
    ]
    across, up = (
        _around(trace.values[: last + 1, program.position[name]], points) for name in names
    )
    losses = np.empty((points, points))
    for point in np.ndindex(points, points):
        moved = {names[0]: float(across[point[1]]), names[1]: float(up[point[0]])}
        try:
            singles = [run([(values | row | moved)[name] for name in given])[0] for row in rows]
            losses[point] = float(np.mean(np.real(singles)))
        except (ArithmeticError, ValueError):
            losses[point] = np.nan
    return across, up, losses


def _around(path: Values, points: int) -> Values:
    """Values from well below the path to well above it."""
    low, high = float(path.min()), float(path.max())
    beyond = max(BEYOND * (high - low), AT_LEAST)
    return np.linspace(low - beyond, high + beyond, points)


def draw_surface(trace: Run, names: tuple[str, str], axes: Axes) -> Axes:
    """Draw the surface as filled contours, and the path of training over it."""
    across, up, losses = surface(trace, names)
    drawn = axes.contourf(across, up, losses, levels=24, cmap="cividis")
    bar = axes.figure.colorbar(drawn, ax=axes)
    loss = trace.experiment.model.loss
    assert loss is not None
    bar.set_label(f"mean {words(loss)}")
    path = [trace.values[:, trace.program.position[name]] for name in names]
    axes.plot(*path, color="white", linewidth=2.6)
    axes.plot(*path, color="#B42318", linewidth=1.4, label="the path")
    axes.plot(
        path[0][:1], path[1][:1], "o", color="white", markeredgecolor="#B42318", label="first"
    )
    axes.plot(path[0][-1:], path[1][-1:], "s", color="#B42318", label="last")
    axes.legend(fontsize=8)
    axes.set_xlabel(words(names[0]))
    axes.set_ylabel(words(names[1]))
    return axes
