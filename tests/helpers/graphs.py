"""Formulas with vectors, matrices and sequences: attention, recurrent nets, and every odd shape."""

from __future__ import annotations

import bpsheet as bp

TABLES = {
    "attention": {
        "inputs": ["X", "T"],
        "shapes": {"X": [3, 2], "T": [3, 2]},
        "parameters": {
            "Wq": [[0.1, 0.2], [0.3, -0.1]],
            "Wk": [[0.2, -0.3], [0.1, 0.4]],
            "Wv": [[0.5, 0.1], [-0.2, 0.3]],
        },
        "forward": [
            "Q = X @ Wq",
            "K = X @ Wk",
            "V = X @ Wv",
            "S = softmax(Q @ K.T / sqrt(2))",
            "Z = S @ V",
            "loss = mean((Z - T)^2)",
        ],
    },
    "recurrent": {
        "inputs": ["x", "y"],
        "shapes": {"x": [3, 2]},
        "parameters": {
            "Wx": [[0.1, 0.2], [0.3, -0.1]],
            "Wh": [[0.2, -0.3], [0.1, 0.4]],
            "b": [0.1, 0.0],
            "v": [0.5, -0.4],
        },
        "repeat": {"t": "1:3"},
        "forward": [
            "h[0] = 0 * b",
            "h[t] = tanh(Wx @ x[t] + Wh @ h[t - 1] + b)",
            "p = v @ h[3]",
            "loss = (p - y)^2 / 2",
        ],
    },
    # Gates as in an LSTM, with an error after each step.
    "gates": {
        "inputs": ["x", "y"],
        "shapes": {"x": [3, 2], "y": [3]},
        "parameters": {
            "Wf": [[0.3, -0.1], [0.2, 0.1]],
            "Uf": [[0.1, 0.5], [-0.3, 0.2]],
            "Wg": [[-0.2, 0.4], [0.1, 0.3]],
            "Ug": [[0.2, 0.2], [0.4, -0.1]],
            "b": [0.1, -0.2],
            "v": [0.5, -0.4],
            "c": 0.1,
        },
        "repeat": {"t": "1:3"},
        "forward": [
            "h[0] = 0 * b",
            "f[t] = logistic(Wf @ x[t] + Uf @ h[t - 1] + b)",
            "g[t] = tanh(Wg @ x[t] + Ug @ h[t - 1] + b)",
            "a[t] = softmax(f[t] * g[t])",
            "h[t] = (1 - f[t]) * h[t - 1] + f[t] * g[t] + a[t]",
            "p[t] = v @ h[t] + c",
            "e[t] = (p[t] - y[t])^2",
            "loss = e[1] + e[2] + e[3]",
        ],
    },
    # Single rows, columns and cells; a row beside a matrix; what the loss does not depend on.
    "shapes": {
        "inputs": ["X", "u"],
        "shapes": {"X": [3, 2], "u": [2]},
        "gradient_of": ["X_1_1", "u_1", "u_2"],
        "parameters": {
            "W": [[0.1, 0.2], [0.3, -0.1]],
            "g": [1.0, 2.0],
            "s": 0.3,
            "one": [0.4],
            "R": [[0.3, 0.2, 0.1]],
            "idle": [[1.0, 2.0], [2.0, 1.0]],
            "C": [[0.5], [0.25]],
            "k": [[0.7]],
        },
        "forward": [
            "A = X @ W * g + s",
            "B = softmax(A.T)",
            "q = u @ W",
            "r = sum(q * u) * mean(A)",
            "D = C @ R",
            "E = X @ C * one",
            "F = one @ R",
            "H = C @ k",
            "J = R.T @ k @ R",
            "P = if(A > 0.2, A, 0.1 * A)",
            "n = one @ one",
            "o1 = X[2] + softmax(q)",
            "o2 = u[1] * q[2]",
            "a_rather_long_name_of_a_quantity = max(A, 0) + sum(o1)",
            "l1 = sum(B * B) * r + mean(a_rather_long_name_of_a_quantity) + sum(D * D) + mean(E)",
            "loss = l1 + sum(F) + sum(H) + sum(J) + sum(P * P) + n + o2 + u @ q",
        ],
    },
}
EXAMPLES = {
    "attention": [
        [1, 0, 0.5, -1, 0.2, 0.7, 1, 0, 0, 1, 0.5, 0.5],
        [0, 1, 1, 1, -0.5, 0.1, 0, 1, 0.2, 0.3, 1, 0],
    ],
    "recurrent": [[1, 0, 0.5, -1, 0.2, 0.7, 1], [0, 1, 1, 1, -0.5, 0.1, 0]],
    "gates": [[1, 0, 0.5, -1, 0.2, 0.7, 1, 0.5, 0.2], [0, 1, 1, 1, -0.5, 0.1, 0, 0.3, 0.6]],
    "shapes": [[1, 0, 0.5, -1, 0.2, 0.7, 1, 2], [0, 1, 1, 1, -0.5, 0.1, 0, 0.3]],
}


def graph(name: str, **training) -> bp.Experiment:
    """An experiment with one of these graphs."""
    return bp.Experiment(
        title=name.capitalize(),
        graph=bp.Graph(**TABLES[name], loss="loss"),
        data=bp.Data(examples=EXAMPLES[name]),
        training=bp.Training(**({"learning_rate": 0.1, "iterations": 6} | training)),
    )
