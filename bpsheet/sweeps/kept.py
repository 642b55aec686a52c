"""What a sweep keeps of its runs: which iterations, and what beside their losses."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from bpsheet.engine.recording import EVERYTHING, Keep
from bpsheet.errors import ExperimentError, Problem
from bpsheet.plan.plan import Plan
from bpsheet.sweeps.metrics import metrics_of

__all__ = ["Kept"]

WEIGHTS, METRICS = "weights", "metrics"


@dataclass(frozen=True)
class Kept:
    """What is kept of each run.

    iterations: which iterations
    weights:    whether each of them has the weights after its update
    metrics:    the names of the metrics that each of them has
    """

    iterations: Keep = EVERYTHING
    weights: bool = False
    metrics: tuple[str, ...] = ()

    @classmethod
    def of(cls, text: str, experiment: Plan) -> Self:
        """`every:100` or `last:1`, `weights` and `metrics`, with commas between them.

        Raises ExperimentError for other words, and for what this experiment does not have.
        """
        words = [word.strip() for word in text.split(",")]
        others = [word for word in words if word not in (WEIGHTS, METRICS)]
        try:
            iterations = EVERYTHING if not others else Keep.of(",".join(others))
        except ExperimentError:
            said = (
                "every:100 or last:1000 (with any number), weights and metrics expected, with "
                f'commas between them; got "{text[:60]}"'
            )
            raise ExperimentError([Problem("", said)], "keep") from None
        metrics = metrics_of(experiment.program()) if METRICS in words else ()
        if METRICS in words and not metrics:
            said = (
                "this experiment has no metrics: its targets are no classes, and it has neither "
                "[validation] nor [test]"
            )
            raise ExperimentError([Problem("", said)], "keep")
        if WEIGHTS in words and not experiment.model.weights:
            raise ExperimentError([Problem("", "this experiment has no weights")], "keep")
        return cls(iterations, WEIGHTS in words, metrics)

    def __str__(self) -> str:
        words = [WEIGHTS] * self.weights + [METRICS] * bool(self.metrics)
        return ",".join([str(self.iterations), *words])
