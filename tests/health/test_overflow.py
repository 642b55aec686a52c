"""Where an overflow begins, and what it spreads to."""

from __future__ import annotations


def test_an_overflow_spreads_along_the_formulas(traced):
    """Each column names one that it uses and that was an error by then."""
    trace = traced("exploding")
    spread = trace.health().spread.set_index("column")
    for name, row in spread.iterrows():
        if row["through"]:
            lags = {ref.lag for ref in trace.program[name].references if ref.name == row["through"]}
            assert spread.loc[row["through"], "iteration"] + min(lags) <= row["iteration"]
