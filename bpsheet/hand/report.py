"""The report of a comparison: a DataFrame that a notebook shows with marks and colours."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

import pandas as pd

from bpsheet.hand.judge import Judged, Judgement
from bpsheet.hand.verdict import Verdict
from bpsheet.runs.cards import card

__all__ = ["Report", "count_sentence"]

COLUMNS = ["iteration", "quantity", "written", "exact", "rounded", "verdict", "reason"]
# A notebook shows at most this many rows. Of a longer report it leaves out the correct values.
MOST = 60


class Report(pd.DataFrame):
    """A row for each compared value: see `Trace.compare`.

    A report is a DataFrame. Only in a notebook it looks different, as long as it has its original
    columns and order.

    >>> import bpsheet as bp
    >>> report = bp.load("two-neuron").run(5).compare({"g": "-0.24", "f": "0.58"})
    >>> report[report["verdict"] != "correct"]["quantity"].tolist()
    ['f']
    """

    @classmethod
    def of(cls, judged: Judged) -> Report:
        """The report of a judged sheet, in the order of its judgements."""
        rows = [
            (j.iteration, j.quantity, j.written, j.exact, j.rounded, str(j.verdict), j.reason)
            for j in judged.judgements
        ]
        report = cls(rows, columns=COLUMNS)
        report.attrs["notes"] = list(judged.notes)
        report.attrs["convention"] = judged.reading.said if judged.reading else ""
        report.attrs["causes"] = [
            {
                "kind": cause.kind,
                "iteration": cause.place[0],
                "quantity": cause.place[1],
                "reason": cause.reason,
                "values": len(cause.places),
                "explains": cause.explains,
            }
            for cause in judged.causes
        ]
        return report

    @property
    def notes(self) -> list[str]:
        """How the values were read, and which array is the first that differs."""
        return list(self.attrs.get("notes", ()))

    @property
    def convention(self) -> str:
        """The convention that the values keep, if it is not the experiment's own."""
        return str(self.attrs.get("convention", ""))

    @property
    def causes(self) -> pd.DataFrame:
        """The causes of the mistakes, a row for each: its kind, its first place, the reason, in how
        many values it is made, and how many follow correctly from it.
        """
        heads = ["kind", "iteration", "quantity", "reason", "values", "explains"]
        return pd.DataFrame(self.attrs.get("causes", []), columns=heads)

    @property
    def _constructor(self) -> type[Report]:
        return Report

    def _judgements(self) -> list[Judgement]:
        """The judgements in the rows; none for a report that has become another table.

        The rows must be in their original order, since only then the first mistake is known.
        """
        numbers = self.index
        in_order = numbers.is_monotonic_increasing and numbers.is_unique
        if list(self.columns) != COLUMNS or numbers.inferred_type != "integer" or not in_order:
            return []
        try:
            return [
                Judgement(
                    row["iteration"],
                    str(row["quantity"]),
                    str(row["written"]),
                    row["exact"],
                    str(row["rounded"]),
                    Verdict(row["verdict"]),
                    str(row["reason"]),
                )
                for row in self.to_dict("records")
            ]
        except ValueError:
            return []

    def _repr_html_(self) -> str | None:
        judgements = self._judgements()
        if judgements and pd.get_option("display.notebook_repr_html"):
            said = [f"Read in another convention: {self.convention}."] if self.convention else []
            return _card(judgements, [*said, *(f"{n[:1].upper()}{n[1:]}." for n in self.notes)])
        ordinary: str | None = super()._repr_html_()  # type: ignore[misc]
        return ordinary


def _first_mistake(judgements: Sequence[Judgement]) -> Judgement | None:
    return next((one for one in judgements if not one.verdict.is_right), None)


def count_sentence(judgements: Sequence[Judgement]) -> str:
    """A sentence with the number of right values and the first mistake."""
    right = sum(one.verdict.is_right for one in judgements)
    said = f"{right} of {len(judgements)} right."
    first = _first_mistake(judgements)
    if first is None:
        return said
    return f"{said} The first mistake is {first.quantity} in iteration {first.iteration}."


def _card(judgements: Sequence[Judgement], notes: Sequence[str]) -> str:
    first = _first_mistake(judgements)
    parts = [f"<p><strong>{escape(count_sentence(judgements))}</strong></p>"]
    if first is not None:
        parts.append(
            f'<p class="mistake">{_verdict(first)} <strong>{escape(first.quantity)}</strong>: '
            f"{escape(first.reason)}</p>"
        )
    shown = judgements
    if len(judgements) > MOST:
        shown = [one for one in judgements if one.verdict is not Verdict.CORRECT][:MOST]
    rows = "".join(_row(one, is_first=one is first) for one in shown)
    parts.append(f"<table><thead><tr>{HEADS}</tr></thead>\n<tbody>{rows}</tbody></table>")
    if len(shown) < len(judgements):
        parts.append(f'<p class="about">{len(judgements) - len(shown):,} more are not shown.</p>')
    parts += [f'<p class="about">{escape(note)}</p>' for note in notes]
    return card(parts)


HEADS = (
    '<th>iteration</th><th class="words">quantity</th><th>written</th><th>rounded</th>'
    '<th class="words">verdict</th><th class="words"></th>'
)


def _row(one: Judgement, *, is_first: bool) -> str:
    # The reason of the first mistake stands above the table.
    reason = "" if is_first or one.verdict is Verdict.CORRECT else one.reason
    kind = ' class="mistake"' if is_first else ""
    return (
        f"<tr{kind}><td>{one.iteration}</td>"
        f'<td class="words">{escape(one.quantity)}</td>'
        f"<td>{escape(one.written)}</td>"
        f'<td title="{one.exact!r}">{escape(one.rounded)}</td>'
        f'<td class="words">{_verdict(one)}</td>'
        f'<td class="reason">{escape(reason)}</td></tr>'
    )


def _verdict(one: Judgement) -> str:
    """The verdict in words, after a mark, since colour alone does not reach every reader."""
    kind, mark = ("right", "✓") if one.verdict.is_right else ("mistaken", "✗")
    return f'<span class="verdict {kind}">{mark} {one.verdict}</span>'
