"""How far the numbers of a page are from a trace, and changes of an experiment."""

from __future__ import annotations

import numpy as np

from bpsheet.program.kinds import Phase

# Agreement of two machines' tanh and exp, carried through 200 updates.
CLOSE = 1e-12


def largest_difference(values, trace):
    """Relative to each number, or to a thousandth of the largest in its column (or of 1)."""
    expected = trace.values
    assert (np.isnan(values) == np.isnan(expected)).all(), "errors in other cells"
    sizes = np.nan_to_num(np.abs(expected))
    scale = np.maximum(sizes, np.maximum(sizes.max(axis=0), 1) * 1e-3)
    return np.nanmax(np.abs(values - expected) / scale, initial=0.0)


def some_changes(experiment):
    """A weight, a hyper-parameter and a number of the data, each moved a little."""
    program = experiment.program()
    weight = program.phase(Phase.WEIGHT)[:1]
    changes = {c.name: round(c.start + 0.125, 6) for c in weight}
    if program.parameters:
        changes["learning_rate"] = round(program.parameters[0].value * 1.25, 9)
    name = next(iter(program.tables))
    changes[f"{name}[1]"] = round(program.tables[name][0] + 0.25, 6)
    return changes


def field(page, name):
    return page.get_by_role("textbox", name=name, exact=True)
