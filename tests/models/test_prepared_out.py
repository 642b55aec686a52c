"""Prepared inputs leave with the model: in the format ONNX it takes raw numbers."""

from __future__ import annotations

import numpy as np
import pytest

from tests.helpers.experiment_files import read
from tests.helpers.prepared import APPLES, LAYERED, WITH_FORMULAS

pytest.importorskip("onnx")
runtime = pytest.importorskip("onnxruntime")


@pytest.mark.sample(2)
@pytest.mark.parametrize(("text", "output"), [(APPLES, "p"), (LAYERED, ""), (WITH_FORMULAS, "p")])
def test_onnxruntime_gives_the_outputs_for_raw_numbers(text, output, tmp_path):
    trace = read(text).run()
    session = runtime.InferenceSession(trace.to_onnx(tmp_path / "model.onnx"))
    forward = trace.trained().forward()
    rows = dict(zip(forward.raw_inputs, np.array(forward.ordered_examples()).T, strict=True))
    alone = {one.name for one in session.get_inputs()} - {"data"}
    whole = np.column_stack([rows[name] for name in forward.raw_inputs if name not in alone])
    [found] = session.run(None, {"data": whole} | {name: rows[name] for name in alone})
    frame = forward.run().frame
    expected = frame[output or frame.columns[-1]]
    np.testing.assert_allclose(found.ravel(), expected, rtol=1e-14, atol=1e-15)
