"""An experiment with prepared inputs of each kind."""

from __future__ import annotations

__all__ = ["APPLES", "LAYERED", "WITH_FORMULAS"]

# Standardised numbers, one input as it is, a colour with three categories, and tests.
APPLES = """
[network]
inputs = ["weight_s", "sugar_s", "age", "green", "red"]
targets = ["sweet"]
loss = "binary_cross_entropy"
[[network.layers]]
neurons = ["h1", "h2"]
activation = "tanh"
weights = [[0.5, -0.3, 0.1, 0.4, -0.2], [-0.4, 0.6, 0.2, 0.3, 0.5]]
bias = [0.1, -0.1]
[[network.layers]]
neurons = ["p"]
activation = "logistic"
weights = [[0.7, -0.8]]
bias = [0.05]
[[prepare]]
kind = "standard"
of = ["weight", "sugar"]
[[prepare]]
kind = "one_hot"
of = ["colour"]
categories = [1, 3]
names = ["green", "red"]
words = ["green", "yellow", "red"]
[data]
examples = [
    [182, 0.12, 0.3, 3, 1], [143, 0.08, 0.1, 1, 0], [205, 0.11, 0.2, 2, 1],
    [151, 0.13, 0.5, 3, 1], [168, 0.07, 0.2, 1, 0],
]
[test]
examples = [[160, 0.1, 0.2, 3, 1]]
[validation]
examples = [[190, 0.09, 0.4, 2, 0], [150, 0.1, 0.1, 1, 0]]
[training]
learning_rate = 0.5
iterations = 12
"""
# A sequence, one of whose numbers is prepared twice.
LAYERED = """
[network]
inputs = ["x"]
targets = ["y"]
loss = "half_squared_error"
shapes = { x = [3, 1], y = [1] }
[[network.layers]]
kind = "rnn"
units = 2
[[network.layers]]
kind = "last"
[[network.layers]]
units = 1
activation = "linear"
[[prepare]]
kind = "min_max"
of = ["a", "b"]
names = ["x_1_1", "x_2_1"]
[[prepare]]
kind = "scaled"
of = ["c"]
names = ["c_scaled"]
offset = [1.0]
factor = [2.0]
[[prepare]]
kind = "standard"
of = ["c_scaled"]
names = ["x_3_1"]
mean = [0.5]
sd = [2.0]
[data]
examples = [[1.0, 1, 0.5, 1.0], [2.0, 2, 0.25, -1.0], [4.0, 1, 0.1, 0.5]]
[training]
learning_rate = 0.1
iterations = 7
"""
# The same raw input prepared in two ways, into a number and into a vector.
WITH_FORMULAS = """
[graph]
inputs = ["u", "v", "raw"]
shapes = { v = [2] }
parameters = { w = [0.5, -0.3], k = 0.2 }
forward = ["p = u*k + raw + w @ v", "e = (p - 1)^2"]
loss = "e"
gradient_of = ["raw"]
[[prepare]]
kind = "robust"
of = ["a", "b"]
names = ["u", "v_2"]
[[prepare]]
kind = "max_abs"
of = ["a"]
names = ["v_1"]
[data]
columns = ["raw", "a", "b"]
examples = [[0.5, 1.0, 1], [0.25, 2.0, 2], [0.1, -4.0, 1], [0.3, 2.5, 4]]
[training]
learning_rate = 0.1
iterations = 6
"""
