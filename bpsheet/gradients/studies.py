"""Independent checks of the backward pass, operation counts, and second derivatives."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from bpsheet.errors import ExperimentError, Problem
from bpsheet.gradients.check import GradientCheck, check_gradient
from bpsheet.gradients.check_sheet import gradient_check
from bpsheet.gradients.hessian import Curvature, curvature
from bpsheet.gradients.hessian_sheet import second_derivatives
from bpsheet.gradients.operations import by_size, operations
from bpsheet.gradients.study import AT, Settings, Study
from bpsheet.runs.run import Run, values_at
from bpsheet.words import nearest, shown

__all__ = [
    "STUDIES",
    "Curvature",
    "GradientCheck",
    "Settings",
    "Study",
    "by_size",
    "check_gradient",
    "curvature",
    "operations",
    "study",
]

# The sheets that a workbook can have besides its own, by what one asks for.
STUDIES: Mapping[str, Callable[[Run, Settings], Study]] = {
    "gradient-check": gradient_check,
    "hessian": second_derivatives,
}


def study(trace: Run, key: str, settings: Settings | None = None) -> Study:
    """The study of a run with the name "gradient-check" or "hessian", and with its settings.

    Raises ExperimentError for an unknown name or setting, an iteration that was not run or holds
    errors, and an experiment without a loss; LimitError for too many weights.

    >>> import bpsheet as bp
    >>> check = study(bp.load("two-neuron").run(3), "gradient-check", {"iteration": 2})
    >>> check.rows, check.settings
    (11, {'iteration': 2, 'delta_w': 1e-05, 'method': 'central'})
    """
    name = trace.experiment.name
    if key not in STUDIES:
        raise ExperimentError([Problem("sheet", f'no "{key}"; {nearest(key, STUDIES)}')], name)
    values_at(trace, 1)
    result = STUDIES[key](trace, {})
    if settings:
        # The others are the run's own, and stand on Steps.
        shared = {cell.name for cell in trace.program.parameters}
        cells = {cell.name: cell for cell in result.program.parameters if cell.name not in shared}
        problems = [
            Problem(f"{key}.{wrong}", f"no such setting; {nearest(wrong, cells)}")
            if wrong not in cells
            else Problem(f"{key}.{wrong}", f"{cells[wrong].expected} expected; got {shown(value)}")
            for wrong, value in settings.items()
            if wrong not in cells or not cells[wrong].allows(value)
        ]
        if problems:
            raise ExperimentError(problems, name)
        result = STUDIES[key](trace, settings)
        values_at(trace, int(settings.get(AT, 1)))
    return result
