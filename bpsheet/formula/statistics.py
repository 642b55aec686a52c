"""Numbers that sum up a column of the data: its mean, its standard deviation, its least number.

>>> STATISTICS["mean"].value([1.0, 2.0, 6.0])
3.0
>>> STATISTICS["sd"].excel.format("Data!$B$2:$B$4")
'IF(MAX(Data!$B$2:$B$4)=MIN(Data!$B$2:$B$4),1,STDEVP(Data!$B$2:$B$4))'
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

__all__ = ["STATISTICS", "Statistic"]

Numbers = Sequence[float]


@dataclass(frozen=True)
class Statistic:
    """A number that sums up a column of the data.

    value:   how it is computed
    excel:   the formula of its cell, with {0} for the cells of the data
    meaning: what it is, with {0} for the column's name
    """

    value: Callable[[Numbers], float]
    excel: str
    meaning: str


def _mean(numbers: Numbers) -> float:
    return math.fsum(numbers) / len(numbers)


def _or_one(size: Callable[[Numbers], float]) -> Callable[[Numbers], float]:
    """A size by which one divides: 1 where all numbers are the same."""
    return lambda numbers: 1.0 if max(numbers) == min(numbers) else size(numbers)


def _deviation(numbers: Numbers) -> float:
    mean = _mean(numbers)
    return math.sqrt(math.fsum((number - mean) ** 2 for number in numbers) / len(numbers))


def _quartiles(numbers: Numbers) -> float:
    """The distance of the quartiles, between which half of the numbers lie."""
    first, _, third = statistics.quantiles(numbers, n=4, method="inclusive")
    return third - first


STATISTICS: Mapping[str, Statistic] = {
    "mean": Statistic(_mean, "AVERAGE({0})", "the mean of {0}"),
    "sd": Statistic(
        _or_one(_deviation),
        # Excel's older name, which every program knows by itself: STDEV.P is written with a prefix.
        "IF(MAX({0})=MIN({0}),1,STDEVP({0}))",
        "the standard deviation of {0} (1 where all its numbers are the same)",
    ),
    "least": Statistic(min, "MIN({0})", "the least number of {0}"),
    "span": Statistic(
        _or_one(lambda numbers: max(numbers) - min(numbers)),
        "IF(MAX({0})=MIN({0}),1,MAX({0})-MIN({0}))",
        "the greatest number of {0} minus the least (1 where they are the same)",
    ),
    "largest": Statistic(
        lambda numbers: max(map(abs, numbers)) or 1.0,
        "IF(MAX(MAX({0}),-MIN({0}))=0,1,MAX(MAX({0}),-MIN({0})))",
        "the largest size of a number of {0} (1 where all are 0)",
    ),
    "median": Statistic(statistics.median, "MEDIAN({0})", "the median of {0}"),
    "spread": Statistic(
        lambda numbers: (_quartiles(numbers) if len(numbers) > 1 else 0.0) or 1.0,
        "IF(QUARTILE({0},3)=QUARTILE({0},1),1,QUARTILE({0},3)-QUARTILE({0},1))",
        "the distance of the quartiles of {0} (1 where they are the same)",
    ),
}
