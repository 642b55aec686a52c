"""Models of other libraries as experiments.

Each function reads a model with the very weights, and imports its library only when it is called.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bpsheet.api.experiment import Experiment
from bpsheet.errors import ModelError, Problem

if TYPE_CHECKING:
    from bpsheet.models.arrays import Orientation
    from bpsheet.models.imported import Imported
    from bpsheet.tables.training import Training

__all__ = [
    "experiment_of",
    "from_arrays",
    "from_keras",
    "from_onnx",
    "from_sklearn",
    "from_torch",
    "model_file",
    "model_text",
]


def experiment_of(imported: Imported) -> Experiment:
    """The experiment of what was read from a model. Without data it waits for examples."""
    return Experiment.from_dict(imported.whole, source="this model")


def from_torch(
    module: Any,
    data: Any = None,
    loss: Any = None,
    optimizer: Any = None,
    scheduler: Any = None,
    *,
    batch_size: int | str | None = None,
    epochs: int = 1,
    shape: Sequence[int] | None = None,
) -> Experiment:
    """The experiment of a PyTorch module, with its weights.

    module:     an `nn.Sequential`, or a module whose forward pass has one path; earlier outputs may
                be added
    data:       inputs, `(inputs, targets)`, a `TensorDataset`, a `DataLoader` over one, or `bp.Data`.
                Targets may be the numbers of classes. Without data the experiment waits for them:
                `.replaced(data=…)`
    loss:       a loss module, a function such as `F.mse_loss`, or the name of one of bpsheet's.
                Without a loss the experiment has forward passes alone
    optimizer:  a `torch.optim` optimiser over the module's parameters: its rule, its settings, and
                what it remembers of the updates that it has made
    scheduler:  a learning-rate scheduler that has not begun
    batch_size: examples for each update. Default: that of the DataLoader, else "all"
    epochs:     how often all examples are presented
    shape:      the shape of one example, where neither data nor the first layer tell it

    The weights are PyTorch's, exactly. Raises ModelError, with everything in the model that is not
    covered, and MissingExtraError without PyTorch.

    >>> import bpsheet as bp, torch
    >>> from torch import nn
    >>> model = nn.Sequential(nn.Linear(2, 3), nn.Tanh(), nn.Linear(3, 1))
    >>> adam = torch.optim.Adam(model.parameters(), lr=0.01)
    >>> xor = [[0, 0], [0, 1], [1, 0], [1, 1]], [0, 1, 1, 0]
    >>> experiment = bp.from_torch(model, xor, nn.MSELoss(), adam, epochs=5)
    >>> experiment.training.rule, [layer.activation for layer in experiment.network.layers]
    ('adam', ['tanh', 'linear'])
    >>> experiment.run().frame.shape[0]
    20
    """
    from bpsheet.models.torch.reading import read_module

    return experiment_of(
        read_module(
            module,
            data,
            loss,
            optimizer,
            scheduler,
            batch_size=batch_size,
            epochs=epochs,
            shape=shape,
        )
    )


def from_arrays(
    arrays: Mapping[str, Any],
    data: Any = None,
    loss: str | None = None,
    training: Training | None = None,
    *,
    activations: Sequence[str] | str,
    orientation: Orientation | Mapping[str, Orientation] | None = None,
) -> Experiment:
    """The experiment of dense layers whose weights are arrays by name: `W1`, `b1` … or `fc.weight` …

    activations: an activation for each layer
    orientation: "weight" where a matrix has a row for each neuron, "kernel" where it has a row for each
                 input; for all matrices, or for each by its name. The shapes of a chain tell it; those
                 of a square matrix do not, and then it is needed
    data:        inputs, `(inputs, targets)` or `bp.Data`; None for an experiment that waits for them
    loss:        the name of a loss, or its formula; None for forward passes alone
    training:    the rule. Default: gradient descent with all examples, one epoch

    Raises ModelError with everything that does not fit.

    >>> import bpsheet as bp
    >>> arrays = {"W1": [[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]], "b1": [0.0, 0.1, 0.2], "W2": [[1.0, 1.0, 1.0]]}
    >>> experiment = bp.from_arrays(arrays, [[0.5, 0.5]], activations=["tanh", "linear"])
    >>> experiment.network.layers[0].units, experiment.network.layers[1].bias
    (3, False)
    >>> square = {"W1": [[1, 2], [3, 4]]}
    >>> bp.from_arrays(square, activations=["tanh"], orientation="kernel").first_weights["W1"].tolist()
    [[1.0, 3.0], [2.0, 4.0]]
    """
    from bpsheet.models.arrays import read_arrays

    return experiment_of(
        read_arrays(arrays, data, loss, training, activations=activations, orientation=orientation)
    )


def model_file(
    path: Path,
    *,
    activations: Sequence[str] = (),
    orientation: Orientation | None = None,
    loss: str | None = None,
) -> Imported:
    """What is read from a file of a model. The ending of its name decides how.

    Raises ModelError for a file that cannot be read.
    """
    from bpsheet.models.arrays import read_arrays
    from bpsheet.models.files import MODELS, arrays_in

    reader = MODELS.get(path.suffix.lower())
    if reader is not None:
        told = {"activations": activations, "orientation": orientation}
        problems = [
            Problem(key, "for files of arrays alone; this one has a whole model, so leave it out")
            for key, value in told.items()
            if value
        ]
        if problems or not path.is_file():
            raise ModelError(problems or [Problem("", "no such file")], str(path))
        return reader(path, loss)
    arrays, framework = arrays_in(path)
    return read_arrays(
        arrays,
        None,
        loss,
        None,
        activations=activations,
        orientation=orientation,
        framework=framework,
        source=str(path),
    )


def model_text(imported: Imported, data: Path | None, folder: Path) -> tuple[str, bool]:
    """The text of an experiment file, and whether it has examples.

    data:   a CSV file with examples, whose columns name the inputs and the targets
    folder: that of the experiment file

    Raises ExperimentError where the examples do not fit the model.
    """
    from bpsheet.models.text import with_data, without_data
    from bpsheet.plan.toml import toml_text

    tables = imported.whole
    if data is not None:
        tables = with_data(tables, data, folder)
        Experiment.from_dict(tables, base=folder, source=str(data))
        return toml_text(tables), True
    experiment = experiment_of(imported)
    has_examples = bool(experiment.data.examples)
    kept = experiment.to_dict()
    return toml_text(kept if has_examples else without_data(kept)), has_examples


def from_onnx(
    path: str | Path,
    data: Any = None,
    loss: str | None = None,
    training: Training | Mapping[str, Any] | None = None,
    *,
    shapes: Mapping[str, Sequence[int]] | None = None,
) -> Experiment:
    """The experiment of a model in the format ONNX (.onnx), with its weights.

    path:     the file; arrays that it keeps in files of their own are read from its folder
    data:     inputs, `(inputs, targets)`, or `bp.Data`; the first axis counts the examples, and
              several inputs of a model stand one after another. Without data the experiment waits for
              them: `.replaced(data=…)`
    loss:     the name of a loss. A file has none: without one there are forward passes alone
    training: the training, as `bp.Training` or its keys
    shapes:   by input the shape of one example, where the model leaves it open

    Layers in a row become a network, anything else formulas of arrays. A label beside scores is
    left out. Raises ModelError with each node that is not covered, InputError for a file that is no
    model, and MissingExtraError without the package onnx.

    >>> import bpsheet as bp, tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = bp.load("two-neuron").run(3).to_onnx(f"{folder}/two.onnx")
    ...     experiment = bp.from_onnx(path, ([[1, 2]], [0.5]), "mean_squared_error", {"epochs": 2})
    >>> [layer.activation for layer in experiment.network.layers], experiment.run().frame.shape[0]
    (['tanh', 'logistic'], 2)
    """
    from bpsheet.models.onnx.reading import read_onnx
    from bpsheet.tables.table import Spec

    told = training.model_dump(exclude_unset=True) if isinstance(training, Spec) else training
    return experiment_of(read_onnx(path, data=data, loss=loss, training=told, shapes=shapes))


def from_keras(
    model: Any,
    data: Any = None,
    loss: Any = None,
    optimizer: Any = None,
    *,
    batch_size: int | str = "all",
    epochs: int = 1,
    shape: Sequence[int] | None = None,
) -> Experiment:
    """The experiment of a model of Keras 3, with its very weights and any backend.

    model:      Sequential or functional, with one input and one output; earlier outputs may be added
    data:       inputs, `(inputs, targets)` or `bp.Data`, with channels last as Keras has them. Targets
                may be the numbers of classes. Without data the experiment waits for them
    loss:       a loss of Keras, or its name. Default: that of a compiled model; without one the
                experiment has forward passes alone
    optimizer:  an optimiser of Keras that has not begun. Default: that of a compiled model
    batch_size: examples for each update, or "all"
    epochs:     how often all examples are presented
    shape:      the shape of one example, where the model leaves it open

    Raises ModelError, with everything in the model that is not covered, and MissingExtraError without
    Keras.

    >>> import bpsheet as bp
    >>> bp.from_keras("model.keras")  # doctest: +SKIP
    Traceback (most recent call last):
    bpsheet.errors.ModelError: this model: 1 problem
      model: a keras.Model expected; got str
    """
    from bpsheet.models.keras.reading import read_keras

    return experiment_of(
        read_keras(model, data, loss, optimizer, batch_size=batch_size, epochs=epochs, shape=shape)
    )


def from_sklearn(
    model: Any, data: Any = None, training: Training | None = None, *, epochs: int = 1
) -> Experiment:
    """The experiment of a fitted estimator of scikit-learn, or of a pipeline that ends with one.

    model:    LinearRegression, Ridge, Lasso, ElasticNet, LogisticRegression, LinearSVC, LinearSVR,
              SGDClassifier, SGDRegressor, Perceptron, MLPClassifier or MLPRegressor. The scalers and
              encoders before it become steps of `[[prepare]]`, with their constants as cells
    data:     inputs, `(inputs, targets)` or `bp.Data`. Targets may be classes as they were fitted. Without
              targets the experiment has forward passes alone; without data it waits for them:
              `.replaced(data=…)`
    training: instead of the estimator's own rule and settings
    epochs:   how often all examples are presented

    A model with `partial_fit` goes on as that does: an MLP with what its optimiser remembers, in the
    order in which it shuffles where its `random_state` is a number.

    Raises ModelError, with every step and setting that is not covered.

    >>> import bpsheet as bp
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import StandardScaler
    >>> heights, sexes = [[161.0], [175.0], [182.0], [158.0]], ["f", "m", "m", "f"]
    >>> model = make_pipeline(StandardScaler(), LogisticRegression()).fit(heights, sexes)
    >>> experiment = bp.from_sklearn(model, (heights, sexes))
    >>> experiment.network.inputs, experiment.prepare[0].mean, experiment.data.meanings
    (['x_s'], [169.0], {'target': '0 is f, 1 is m'})
    """
    from bpsheet.models.sklearn.reading import read_estimator

    given = None if training is None else training.model_dump(exclude_unset=True)
    return experiment_of(read_estimator(model, data, given, epochs=epochs))
