"""Numbers that somebody has typed over the formulas of a workbook: hand values."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from bpsheet.errors import HandError, WorkbookError
from bpsheet.guard.limits import EXERCISE, OURS
from bpsheet.guard.package import guarded_bytes, opened
from bpsheet.hand.reading import Entry, digit_count, digits_of
from bpsheet.plan.plan import Plan
from bpsheet.workbook.edits import Edit, Kind
from bpsheet.workbook.reading import contents_of, described, is_ours, revision_in
from bpsheet.workbook.revision import with_edits
from bpsheet.xlsx.contents import Contents

__all__ = ["TypedOver", "is_typed_over", "typed_over"]

# A number of so many digits was typed by a person; a longer one was computed.
MOST_DIGITS = 8
# What does not make another experiment: how long it runs.
LENGTHS = ("iterations", "epochs")


@dataclass(frozen=True)
class TypedOver:
    """The hand values of a workbook by iteration and quantity, and its experiment as it stands."""

    values: dict[tuple[int, str], Entry]
    plan: Plan
    name: str

    def notes(self, plan: Plan) -> tuple[str, ...]:
        """What is to be said when the values are judged with another experiment's numbers."""
        if _without_length(self.plan) == _without_length(plan):
            return ()
        said = "computes with other numbers than those that its values are judged by"
        return (f"the workbook {self.name} {said}",)


def _without_length(plan: Plan) -> dict[str, object]:
    tables = plan.to_dict()
    training = {k: v for k, v in tables.get("training", {}).items() if k not in LENGTHS}
    return {
        "network": tables.get("network"),
        "graph": tables.get("graph"),
        "training": training,
    } | {"examples": plan.data.examples}


def is_typed_over(edit: Edit) -> bool:
    """Whether an edit put a number, or a text, in the place of a formula of a run."""
    is_text = edit.kind is Kind.TEXT and edit.before is None
    return edit.iteration is not None and (edit.kind is Kind.TYPED or is_text)


def typed_over(path: Path) -> TypedOver | None:
    """The hand values of a workbook that bpsheet wrote; None for another file, such as an exercise.

    Raises WorkbookError for a file that cannot be read, HandError where nothing is typed over formulas.
    """
    contents = _ours(path)
    if contents is None:
        return None
    stored = described(contents, Plan)
    revision = revision_in(contents, stored)
    values = {
        (edit.iteration or 0, edit.name): _entry(edit.after)
        for edit in revision.edits
        if is_typed_over(edit)
    }
    if not values:
        said = "no number stands in the place of a formula, so there are no hand values"
        raise HandError([said], str(path))
    return TypedOver(values, with_edits(stored.experiment, revision), path.name)


def _ours(path: Path) -> Contents | None:
    """What stands in a workbook that bpsheet wrote; None for another one."""
    try:
        with opened(path, OURS) as package:
            if package.is_ods or is_ours(contents_of(package, about_only=True)):
                return contents_of(package)
            return None
    except WorkbookError:
        # It may be a stranger's exercise, whose limits are closer: they say what is wrong with it.
        guarded_bytes(path, EXERCISE, path.name)
        raise


def _entry(value: float | str | None) -> Entry:
    """A typed number as text, by whose digits it is judged; a number with all digits as such."""
    if not isinstance(value, float):
        return str(value)
    is_short = digit_count(value, "float64") <= MOST_DIGITS
    return digits_of(value, "float64") if is_short else (value, "float64")
