"""Models that tf2onnx has exported give and train as TensorFlow computed them, which wrote down its numbers."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

import bpsheet as bp
from tests.helpers.samples import sampled

pytest.importorskip("onnx")
from tests.models.onnx_models import outputs_of

EXPORTS = Path(__file__).parent / "exports"
MODELS = json.loads((EXPORTS / "values.json").read_text(encoding="utf-8"))["models"]


@pytest.mark.parametrize("name", sampled(MODELS, "conv_dilated", "rnn"))
def test_an_export_of_keras_gives_and_trains_what_tensorflow_did(name: str) -> None:
    """The outputs, and those after five steps of SGD(0.05) down the mean squared error."""
    path, values = EXPORTS / f"{name}.onnx", MODELS[name]
    x = np.array(values["x"])
    forward = bp.from_onnx(path, x)
    np.testing.assert_allclose(outputs_of(forward), values["outputs"], rtol=0, atol=1e-12)
    if "trained" not in values:
        return  # the export has made one of the normalisation's four arrays and the layer before
    settings = {"learning_rate": 0.05, "batch_size": "all", "reduction": "mean", "epochs": 5}
    data = (x, np.array(values["targets"]))
    trace = bp.from_onnx(path, data, "mean_squared_error", settings).run()
    trained = outputs_of(forward.with_weights(trace.final_weights))
    np.testing.assert_allclose(trained, values["trained"], rtol=0, atol=1e-10)
