"""The readers of a run, as methods of a trace."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, overload

from bpsheet.api.arrays import Arrays
from bpsheet.errors import ExperimentError, Problem
from bpsheet.runs.run import Run
from bpsheet.tables.plain import AnyNumber, AnyWhole, plain, whole_number

if TYPE_CHECKING:
    import pandas as pd

    from bpsheet.explain import Explanation
    from bpsheet.gradients.studies import Curvature, GradientCheck
    from bpsheet.hand.reading import Hand
    from bpsheet.hand.report import Report
    from bpsheet.health.diagnosis import Health


__all__ = ["Readers"]


class Readers(Arrays):
    """A run with its readers: comparison, worked solution, diagnosis, gradients, curvature."""

    def compare(
        self,
        hand: Hand | Run | str | Path | None = None,
        decimal: str = ".",
        *,
        rtol: float | None = None,
        iteration: AnyWhole = 1,
    ) -> Report:
        """Compare hand calculations, or the numbers of a program, with this run.

        `hand` is `{quantity: text}` for the first iteration, `{iteration: {quantity: text}}`,
        a row of a frame (its name is the iteration), a DataFrame or a CSV file (iteration,
        quantity, value; or a column for each quantity), or a filled-in exercise (.xlsx), which
        is judged over the numbers it was made with; without it, the experiment's own [hand].
        `decimal` is what stands before the decimals.

        Text claims the digits that are written. Numbers claim those of their type, and may be off by
        `rtol` (1e-9, for float32 2e-5), unless all of them are short: then they were typed.

        `hand` may also be another run, or arrays by layer, of NumPy or torch or in an .npz file:
        `{"W1": …, "b1": …, "Z1": …, "A1": …, "dZ1": …, "dW1": …, "db1": …, "W1_new": …, "loss": …}`,
        of the `iteration`, or of the batch that it belongs to. Arrays have a row, or a column, for
        each example, and weights have a row, or a column, for each neuron; `.notes` say how they
        were read, and which array is the first that differs.

        Returns a DataFrame with a row for each value and the columns iteration, quantity,
        written, exact, rounded, verdict and reason. A notebook shows the first mistake on top.
        Raises HandError for unknown quantities and files that cannot be read, ExperimentError for
        a run that kept only some iterations.

        >>> import bpsheet as bp
        >>> bp.load("two-neuron").run(5).compare({"g": "-0.24", "f": "0.58"})["verdict"].tolist()
        ['correct', 'likely slip']
        """
        from bpsheet.exercises.compare import compare

        self._need_all("a comparison")
        return compare(self, hand, decimal, rtol=rtol, iteration=self._whole_of(iteration))

    def explain(
        self,
        iteration: AnyWhole,
        only: Iterable[str] | None = None,
        digits: AnyWhole = 4,
        form: str = "entries",
        *,
        detail: str = "full",
    ) -> Explanation:
        """Work out one iteration as a textbook does: symbols, numbers, results.

        The explanation prints as text, shows as a page in a notebook, and has `.text()`,
        `.markdown()`, `.latex()` and `.html()`. `only` names quantities, or the steps forward,
        backward and update; for a weight among them the chain rule is written out:
        ∂e/∂w = ∂e/∂f · ∂f/∂z_f · … `digits` are the significant digits of the printed numbers, which
        are computed exactly. `form="matrix"` shows whole vectors and matrices. `detail="short"`
        works one quantity of each kind out, and has the others in tables.
        Raises ExperimentError for an iteration that was not run and for unknown names, LimitError
        for the matrix form of an experiment of numbers alone.

        >>> import bpsheet as bp
        >>> print(bp.load("two-neuron").run(1).explain(1, only=["g"]).steps[0].result)
        -0.2449
        """
        from bpsheet.explain import explain

        self._need_all("an explanation")
        number, places = self._whole_of(iteration), self._whole_of(digits, "digits")
        return explain(self, number, only, places, form, detail=detail)

    def health(self) -> Health:
        """Diagnose the run.

        The diagnosis finds values that overflow, a loss that rises, weights that explode or
        swing to and fro, gradients that vanish, and neurons that are saturated or dead. It prints
        as plain sentences. `.sentences` is their list, empty for a run that works. The DataFrames
        `.frame`, `.neurons` and `.over_time` have the numbers for each layer, neuron and update;
        `.spread` has the columns that an overflow reached.

        >>> import bpsheet as bp
        >>> trace = bp.load("exploding").run()
        >>> trace.health().spread["column"].tolist()[:3]
        ['z4_1', 'a4_1', 'e']
        >>> bp.load("exploding").changed({"learning_rate": 0.1}).run().health().sentences
        []
        """
        from bpsheet.health.diagnosis import diagnose

        self._need_all("a diagnosis")
        return diagnose(self)

    @overload
    def check_gradient(
        self, iteration: AnyWhole, method: str = "central", delta: AnyNumber | None = None
    ) -> GradientCheck: ...

    @overload
    def check_gradient(self, iteration: Mapping[Any, object]) -> Report: ...

    def check_gradient(
        self,
        iteration: AnyWhole | Mapping[Any, object],
        method: str = "central",
        delta: AnyNumber | None = None,
    ) -> GradientCheck | Report:
        """The gradient of an iteration, compared with an estimate from forward passes alone.

        In the place of the iteration's number, somebody's own gradient may be given: arrays by layer
        (`{"dW1": …, "db1": …}`), or numbers by their weights. They are of the first iteration, or of
        the first batch, and are judged as by `compare`.

        `method` is "forward", (L(w + Δ) − L(w)) / Δ, "central", (L(w + Δ) − L(w − Δ)) / 2Δ, or
        "complex", Im L(w + iΔ) / Δ, which is exact to the last digits. `delta` is the step Δ. The
        result has a `.frame` with a row for each weight, `.passed`, `.tolerance`, the number of
        forward `.passes`, and the first `.layer`, counted from the output, that is wrong.
        Raises ExperimentError for an unknown method or iteration, a step outside (0, 1), and an
        experiment without a loss.

        >>> import bpsheet as bp
        >>> bp.load("two-neuron").run(3).check_gradient(2, method="complex").passed
        True
        """
        from bpsheet.gradients.studies import check_gradient

        self._need_all("a check of the gradient")
        if isinstance(iteration, Mapping):
            from bpsheet.exercises.compare import judged_gradient
            from bpsheet.hand.report import Report

            return Report.of(judged_gradient(self, iteration))
        return check_gradient(self, self._whole_of(iteration), method, plain(delta))

    def operations(self) -> pd.DataFrame:
        """Count the operations of one iteration: forward, backward, and by brute force.

        Returns a DataFrame with a row for each kind of operation and one for the total. Brute
        force is a forward pass for each weight and one more.

        >>> import bpsheet as bp
        >>> bp.load("two-neuron").run(1).operations().loc["total", "brute force"]
        np.int64(78)
        """
        from bpsheet.gradients.studies import operations

        return operations(self.program)

    def hessian(self, iteration: AnyWhole) -> pd.DataFrame:
        """The second derivatives of an iteration's loss: weights by weights.

        The program is differentiated twice. `curvature` has its eigenvalues too.
        Raises ExperimentError for an iteration that was not run and where there is no loss,
        LimitError beyond 500 weights.
        """
        return self.curvature(iteration).frame

    def curvature(self, iteration: AnyWhole) -> Curvature:
        """The Hessian with its `.eigenvalues`, `.limit` (2/λmax) and a `.sentence` about them.

        >>> import bpsheet as bp
        >>> round(bp.load("one-weight").run(1).curvature(1).limit, 5)
        0.00164
        """
        from bpsheet.gradients.studies import curvature

        self._need_all("the Hessian")
        return curvature(self, self._whole_of(iteration))

    def _whole_of(self, number: AnyWhole, what: str = "iteration") -> int:
        """A whole number as Python's. Raises ExperimentError for anything else."""
        return whole_number(number, what, self.experiment.name)

    def _need_all(self, what: str) -> None:
        """Raise ExperimentError for a run that kept only some iterations."""
        if not self.is_whole:
            kept = f"{what} needs every iteration, and this run kept {len(self):,} of them"
            raise ExperimentError([Problem("", f"{kept}; run it without keep")], "keep")
