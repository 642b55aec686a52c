"""What people write instead: NumPy loops and PyTorch loops that store every value.

Written as a competent person would: the gradient by hand over the layers' matrices in NumPy,
by autograd in PyTorch. All store the book's 26 values for the network of two neurons; for the
wide one all weights, weighted sums, outputs, loss, error terms, gradients and adjustments.
`numpy_tuned` is what is left when every call that can be saved is saved.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

import bpsheet as bp

__all__ = [
    "numpy_layers",
    "numpy_tuned",
    "numpy_wide",
    "numpy_wide_into",
    "torch_two_neuron",
    "torch_wide",
    "wide_experiment",
]

TWO_NEURON = 26
SIZES = (64, 32, 10)


def numpy_layers(iterations: int) -> np.ndarray:
    """The network of two neurons over matrices: a row of 26 values for each iteration."""
    x, y, rate = np.array([-0.9, 0.1]), np.array([1.0]), 0.1
    w_g, w_f = np.array([[0.3, 0.6, -0.1]]), np.array([[-0.2, 0.5]])
    with_bias = np.concatenate(([1.0], x))
    rows = np.empty((iterations, TWO_NEURON))
    for number in range(iterations):
        g = np.tanh(w_g @ with_bias)
        into_f = np.concatenate(([1.0], g))
        f = 1 / (1 + np.exp(-(w_f @ into_f)))
        loss = 0.5 * np.sum((y - f) ** 2)
        loss_slope = -(y - f)
        f_slope = f * (1 - f)
        f_error = loss_slope * f_slope
        g_slope = 1 - g**2
        g_error = (w_f[:, 1:].T @ f_error) * g_slope
        gradient_g = np.outer(g_error, with_bias)
        gradient_f = np.outer(f_error, into_f)
        delta_g = -rate * gradient_g
        delta_f = -rate * gradient_f
        rows[number] = np.concatenate(
            (
                *(x, y, w_g.ravel(), w_f.ravel(), g, f, [loss]),
                *(loss_slope, f_slope, f_error, g_slope, g_error),
                *(gradient_g.ravel(), gradient_f.ravel(), delta_g.ravel(), delta_f.ravel()),
            )
        )
        w_g = w_g + delta_g
        w_f = w_f + delta_f
    return rows


def numpy_tuned(iterations: int) -> np.ndarray:
    """The same over vectors, stored slice by slice."""
    example, y, rate = np.array([1.0, -0.9, 0.1]), 1.0, 0.1
    w_g, w_f = np.array([0.3, 0.6, -0.1]), np.array([-0.2, 0.5])
    into_f = np.ones(2)
    rows = np.empty((iterations, TWO_NEURON))
    for row in rows:
        g = np.tanh(w_g @ example)
        into_f[1] = g
        f = 1 / (1 + np.exp(-(w_f @ into_f)))
        loss = 0.5 * (y - f) ** 2
        loss_slope = -(y - f)
        f_slope = f * (1 - f)
        f_error = loss_slope * f_slope
        g_slope = 1 - g**2
        g_error = f_error * w_f[1] * g_slope
        gradient_g = g_error * example
        gradient_f = f_error * into_f
        delta_g = -rate * gradient_g
        delta_f = -rate * gradient_f
        row[0:2] = example[1:]
        row[2] = y
        row[3:6] = w_g
        row[6:8] = w_f
        row[8:16] = (g, f, loss, loss_slope, f_slope, f_error, g_slope, g_error)
        row[16:19] = gradient_g
        row[19:21] = gradient_f
        row[21:24] = delta_g
        row[24:26] = delta_f
        w_g = w_g + delta_g
        w_f = w_f + delta_f
    return rows


def torch_two_neuron(iterations: int) -> np.ndarray:
    """The same by PyTorch's autograd, intermediate values included."""
    import torch

    torch.set_num_threads(1)
    example = torch.tensor([1.0, -0.9, 0.1], dtype=torch.float64)
    y, rate = 1.0, 0.1
    w_g = torch.tensor([0.3, 0.6, -0.1], dtype=torch.float64, requires_grad=True)
    w_f = torch.tensor([-0.2, 0.5], dtype=torch.float64, requires_grad=True)
    rows = torch.empty((iterations, TWO_NEURON), dtype=torch.float64)
    for row in rows:
        z_g = w_g @ example
        g = torch.tanh(z_g)
        z_f = w_f[0] + w_f[1] * g
        f = torch.sigmoid(z_f)
        loss = 0.5 * (y - f) ** 2
        for value in (z_g, z_f, f):
            value.retain_grad()
        loss.backward()
        with torch.no_grad():
            delta_g = -rate * w_g.grad
            delta_f = -rate * w_f.grad
            row[0:2] = example[1:]
            row[2] = y
            row[3:6] = w_g
            row[6:8] = w_f
            row[8] = g
            row[9] = f
            row[10] = loss
            row[11] = f.grad
            row[12] = f * (1 - f)
            row[13] = z_f.grad
            row[14] = 1 - g * g
            row[15] = z_g.grad
            row[16:19] = w_g.grad
            row[19:21] = w_f.grad
            row[21:24] = delta_g
            row[24:26] = delta_f
            w_g += delta_g
            w_f += delta_f
        w_g.grad = w_f.grad = None
    return rows.numpy()


def wide_experiment(iterations: int) -> bp.Experiment:
    """A 64-32-10 network: tanh, then logistic outputs and half the squared error, one example
    after the other.
    """
    inputs, hidden, outputs = SIZES
    random = np.random.default_rng(0)
    presented = random.integers(0, 17, (50, inputs)) / 16
    targets = np.eye(outputs)[random.integers(0, outputs, 50)]
    return bp.Experiment(
        network=bp.Network(
            inputs=[f"x{i + 1}" for i in range(inputs)],
            targets=[f"t{i}" for i in range(outputs)],
            loss="half_squared_error",
            layers=[
                bp.Layer(units=hidden, activation="tanh"),
                bp.Layer(units=outputs, activation="logistic"),
            ],
        ),
        data=bp.Data(examples=np.hstack([presented, targets]).tolist()),
        training=bp.Training(learning_rate=0.1, iterations=iterations),
    )


def _wide_start(experiment: bp.Experiment) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Inputs, targets, and both layers' first weights, a row for each neuron, its bias first."""
    inputs, hidden, outputs = SIZES
    examples = np.array(experiment.data.examples)
    first = np.array([c.start for c in experiment.columns if c.start is not None][1:])
    w_1 = first[: hidden * (inputs + 1)].reshape(hidden, inputs + 1)
    w_2 = first[w_1.size :].reshape(outputs, hidden + 1)
    return examples[:, :inputs], examples[:, inputs:], w_1, w_2


def _wide_values(experiment: bp.Experiment) -> Iterator[tuple[np.ndarray, ...]]:
    """What the wide network computes in NumPy, iteration by iteration."""
    inputs, targets, w_1, w_2 = _wide_start(experiment)
    rate = 0.1
    count = len(inputs)
    with_bias = np.hstack([np.ones((count, 1)), inputs])
    into_2 = np.ones(SIZES[1] + 1)
    for number in range(experiment.iterations):
        x, t = with_bias[number % count], targets[number % count]
        z_1 = w_1 @ x
        a_1 = np.tanh(z_1)
        into_2[1:] = a_1
        z_2 = w_2 @ into_2
        a_2 = 1 / (1 + np.exp(-z_2))
        difference = t - a_2
        loss = 0.5 * (difference @ difference)
        slope_2 = a_2 * (1 - a_2)
        error_2 = -difference * slope_2
        slope_1 = 1 - a_1 * a_1
        error_1 = (error_2 @ w_2[:, 1:]) * slope_1
        gradient_1 = np.outer(error_1, x)
        gradient_2 = np.outer(error_2, into_2)
        delta_1 = -rate * gradient_1
        delta_2 = -rate * gradient_2
        yield (
            *(x[1:], t, w_1.ravel(), w_2.ravel(), z_1, a_1, z_2, a_2, [loss]),
            *(-difference, slope_2, error_2, slope_1, error_1),
            *(gradient_1.ravel(), gradient_2.ravel(), delta_1.ravel(), delta_2.ravel()),
        )
        w_1 = w_1 + delta_1
        w_2 = w_2 + delta_2


def numpy_wide(experiment: bp.Experiment) -> np.ndarray:
    """The wide network in NumPy: a row for each iteration, collected in a list."""
    return np.array([np.concatenate(values) for values in _wide_values(experiment)])


def numpy_wide_into(rows: np.ndarray, experiment: bp.Experiment) -> np.ndarray:
    """The same, written into an array that is there."""
    for row, values in zip(rows, _wide_values(experiment), strict=True):
        np.concatenate(values, out=row)
    return rows


def torch_wide(experiment: bp.Experiment) -> np.ndarray:
    """The same by PyTorch's autograd."""
    import torch

    torch.set_num_threads(1)
    inputs, targets, *first = (torch.tensor(part) for part in _wide_start(experiment))
    w_1, w_2 = (weights.requires_grad_() for weights in first)
    iterations, rate = experiment.iterations, 0.1
    count = len(inputs)
    one = torch.ones(1, dtype=torch.float64)
    rows = []
    for number in range(iterations):
        x, t = inputs[number % count], targets[number % count]
        z_1 = w_1 @ torch.cat((one, x))
        a_1 = torch.tanh(z_1)
        z_2 = w_2 @ torch.cat((one, a_1))
        a_2 = torch.sigmoid(z_2)
        loss = 0.5 * ((t - a_2) ** 2).sum()
        for value in (z_1, z_2, a_2):
            value.retain_grad()
        loss.backward()
        with torch.no_grad():
            delta_1 = -rate * w_1.grad
            delta_2 = -rate * w_2.grad
            rows.append(
                torch.cat(
                    (
                        *(x, t, w_1.ravel(), w_2.ravel(), z_1, a_1, z_2, a_2, loss.reshape(1)),
                        *(a_2.grad, a_2 * (1 - a_2), z_2.grad, 1 - a_1 * a_1, z_1.grad),
                        *(w_1.grad.ravel(), w_2.grad.ravel(), delta_1.ravel(), delta_2.ravel()),
                    )
                )
            )
            w_1 += delta_1
            w_2 += delta_2
        w_1.grad = w_2.grad = None
    return torch.stack(rows).numpy()
