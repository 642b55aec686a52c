"""The layouts of a workbook: one row each, with what sets it apart."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from bpsheet.program.kinds import Role

__all__ = ["LAYOUTS", "Traits"]


@dataclass(frozen=True)
class Traits:
    """What sets a layout apart from the others.

    name:       what one asks for it by
    hides:      roles whose columns have no place on Steps; their formulas move into others
    data_sheet: the examples stand once, on the sheet Data, and the rows of Steps look them up;
                otherwise each row of Steps has its example typed in
    safe_forms: each function is written in the form that cannot overflow; otherwise only where
                the run needs it
    bands:      a line above the headers names the phases
    test_gap:   an experiment may ask for an empty column before its tests
    more:       a workbook has the sheets that fit without being asked for them
    first:      the key of a sheet that stands before Steps
    """

    name: str
    hides: frozenset[Role]
    data_sheet: bool = False
    safe_forms: bool = False
    bands: bool = False
    test_gap: bool = False
    more: bool = False
    first: str | None = None

    @property
    def every_step(self) -> bool:
        """Whether each weighted sum of an iteration has a column."""
        return Role.SUM not in self.hides


LAYOUTS: Mapping[str, Traits] = {
    traits.name: traits
    for traits in (
        Traits(
            "full",
            hides=frozenset({Role.TEST_SUM}),
            data_sheet=True,
            safe_forms=True,
            bands=True,
            more=True,
        ),
        Traits(
            "book",
            hides=frozenset(
                {
                    Role.ITERATION,
                    Role.EPOCH,
                    Role.EXAMPLE,
                    Role.BATCH_ROW,
                    Role.BATCH_END,
                    Role.SUM,
                    Role.TEST_SUM,
                    Role.TEST_OUTPUT,
                    Role.VALIDATION_OUTPUT,
                }
            ),
            test_gap=True,
        ),
        Traits(
            "matrix",
            hides=frozenset({Role.TEST_SUM}),
            data_sheet=True,
            safe_forms=True,
            bands=True,
            first="matrices",
        ),
    )
}
