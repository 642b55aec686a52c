"""A trace for other libraries: arrays by layer, a long table, a dataset with named axes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from bpsheet.runs.arrays import LayerArrays, array_of, layer_of
from bpsheet.runs.run import Run
from bpsheet.tables.plain import AnyWhole

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

__all__ = ["Arrays"]


class Arrays(Run):
    """A run as arrays and tables. By name and by position, all of them are in one order: forward's."""

    def __getitem__(self, name: str) -> pd.Series | npt.NDArray[np.float64]:
        """A quantity by its name: a Series by iteration, or an array.

        A column's name gives its Series. The name of an array gives (iteration, …): `trace["W1"]`
        has the shape (iteration, neuron, input). A sequence's name, such as h for h[1], h[2] …,
        gives (iteration, step, …). Raises ExperimentError for an unknown name.

        >>> import bpsheet as bp
        >>> trace = bp.load("two-neuron").run(3)
        >>> trace["f"].round(2).tolist(), trace["W1"].shape
        ([0.42, 0.43, 0.43], (3, 1, 2))
        """
        if name in self.program.position:
            return self._whole[name]
        return array_of(self, name)

    def __iter__(self) -> Iterator[str]:
        """The columns' names, in order."""
        return iter(self.program.names)

    def __contains__(self, name: object) -> bool:
        return name in self.program.position

    def __array__(
        self,
        dtype: npt.DTypeLike | None = None,
        copy: bool | None = None,  # noqa: FBT001 - as NumPy calls it
    ) -> npt.NDArray[np.float64]:
        """`values`: a row for each iteration, a column for each quantity. Without a copy it is read only."""
        return np.array(self.values, dtype=dtype, copy=copy)

    def layer(self, number: AnyWhole) -> LayerArrays:
        """A layer's arrays, the iteration first: `.W`, `.b`, `.z`, `.y`, `.delta`, `.dW`, `.db` …

        `number` counts from 1. Raises ExperimentError for a number that no layer has, and for
        formulas without layers.

        >>> import bpsheet as bp
        >>> bp.load("two-neuron").run(3).layer(1).W[0]
        array([[ 0.6, -0.1]])
        """
        return layer_of(self, number)

    def tidy(self) -> pd.DataFrame:
        """A row for each value: iteration, phase, layer, neuron, input, quantity and value.

        Rows are in the order of the iterations, and in an iteration in forward's order: the
        derivatives stand as the quantities stand to which they belong. Words are categories, and
        `layer` is a nullable whole number, so a row takes about 30 bytes. `input` is what a weight is
        multiplied by, and is missing for biases. Raises LimitError for more values than fit in memory.

        >>> import bpsheet as bp
        >>> print(bp.load("two-neuron").run(1).tidy().query("phase == 'weight'").to_string(index=False))
         iteration  phase  layer neuron input quantity  value
                 1 weight      1      g   NaN    w_xg0    0.3
                 1 weight      1      g    x1    w_xg1    0.6
                 1 weight      1      g    x2    w_xg2   -0.1
                 1 weight      2      f   NaN    w_gf0   -0.2
                 1 weight      2      f     g    w_gf1    0.5
        """
        from bpsheet.runs.tidy import tidy

        return tidy(self)

    def to_xarray(self) -> xr.Dataset:
        """A dataset of xarray, with an array for each quantity.

        `W2` has the axes iteration, layer2 and layer1, along which the neurons' names stand; `x` has
        iteration and input. Raises MissingExtraError without xarray.
        """
        from bpsheet.runs.labelled import dataset_of

        return dataset_of(self)
