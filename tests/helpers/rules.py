"""The training rules once more, as their papers write them, in NumPy.

Each is a function of what it remembers `s` (first `s.m` and `s.v` of zeros), the gradient `g` of
a loss to be minimised, the weights `w`, the learning rate, the number `t` of the update and the
settings. It gives the change of the weights.
"""

# All rules take the same arguments.
# ruff: noqa: ARG001

from __future__ import annotations

import math

import numpy as np


def gradient_descent(s, g, w, rate, t):
    return -rate * g


def momentum(s, g, w, rate, t, *, momentum):
    s.m = momentum * s.m + g
    return -rate * s.m


def nesterov(s, g, w, rate, t, *, momentum):
    s.m = momentum * s.m + g
    return -rate * (g + momentum * s.m)


def momentum_with_rate(s, g, w, rate, t, *, momentum, first_velocity):
    """Sutskever and others (2013): v ← μv − εg, w ← w + v."""
    if t == 1:
        s.m = s.m + first_velocity
    s.m = momentum * s.m - rate * g
    return s.m


def nesterov_with_rate(s, g, w, rate, t, *, momentum, first_velocity):
    """As Keras: v ← μv − εg, w ← w + μv − εg."""
    v = momentum_with_rate(s, g, w, rate, t, momentum=momentum, first_velocity=first_velocity)
    return momentum * v - rate * g


def adagrad(s, g, w, rate, t, *, epsilon):
    s.v = s.v + g**2
    return -rate * g / (np.sqrt(s.v) + epsilon)


def rmsprop(s, g, w, rate, t, *, decay, epsilon):
    s.v = decay * s.v + (1 - decay) * g**2
    return -rate * g / (np.sqrt(s.v) + epsilon)


def adadelta(s, g, w, rate, t, *, decay, epsilon):
    """Zeiler (2012), algorithm 1; the learning rate is 1 there."""
    s.v = decay * s.v + (1 - decay) * g**2
    step = -np.sqrt(s.m + epsilon) / np.sqrt(s.v + epsilon) * g
    s.m = decay * s.m + (1 - decay) * step**2
    return rate * step


def _moments(s, g, beta1, beta2):
    s.m = beta1 * s.m + (1 - beta1) * g
    s.v = beta2 * s.v + (1 - beta2) * g**2


def adam(s, g, w, rate, t, *, beta1, beta2, epsilon):
    _moments(s, g, beta1, beta2)
    return -rate * s.m / (1 - beta1**t) / (np.sqrt(s.v / (1 - beta2**t)) + epsilon)


def adamw(s, g, w, rate, t, *, weight_decay, **given):
    return adam(s, g, w, rate, t, **given) - rate * weight_decay * w


def amsgrad(s, g, w, rate, t, *, beta1, beta2, epsilon):
    """Reddi and others (2018), algorithm 2, with Adam's corrections."""
    _moments(s, g, beta1, beta2)
    s.most = np.maximum(getattr(s, "most", 0), s.v)
    return -rate * s.m / (1 - beta1**t) / (np.sqrt(s.most / (1 - beta2**t)) + epsilon)


def adamax(s, g, w, rate, t, *, beta1, beta2, epsilon):
    """Kingma and Ba (2015), algorithm 2."""
    s.m = beta1 * s.m + (1 - beta1) * g
    s.v = np.maximum(beta2 * s.v, np.abs(g) + epsilon)
    return -rate / (1 - beta1**t) * s.m / s.v


def nadam(s, g, w, rate, t, *, beta1, beta2, epsilon, momentum_decay):
    """Dozat (2016), algorithm 8."""
    _moments(s, g, beta1, beta2)
    mu = [beta1 * (1 - 0.5 * 0.96 ** (n * momentum_decay)) for n in range(1, t + 2)]
    ahead = mu[-1] * s.m / (1 - math.prod(mu)) + (1 - mu[-2]) * g / (1 - math.prod(mu[:-1]))
    return -rate * ahead / (np.sqrt(s.v / (1 - beta2**t)) + epsilon)


def radam(s, g, w, rate, t, *, beta1, beta2, epsilon):
    """Liu and others (2020), algorithm 2."""
    _moments(s, g, beta1, beta2)
    limit = 2 / (1 - beta2) - 1
    rho = limit - 2 * t * beta2**t / (1 - beta2**t)
    mean = s.m / (1 - beta1**t)
    if rho <= 5:
        return -rate * mean
    r = math.sqrt((rho - 4) * (rho - 2) * limit / ((limit - 4) * (limit - 2) * rho))
    return -rate * r * mean * math.sqrt(1 - beta2**t) / (np.sqrt(s.v) + epsilon)


def rprop(s, g, w, rate, t, *, eta_minus, eta_plus, smallest_step, largest_step):
    """Igel and Hüsken (2003), Rprop without weight-backtracking; a turned gradient counts as 0."""
    if t == 1:
        s.v = s.v + rate
    factor = np.where(g * s.m > 0, eta_plus, np.where(g * s.m < 0, eta_minus, 1))
    s.v = np.clip(s.v * factor, smallest_step, largest_step)
    s.m = np.where(g * s.m < 0, 0, g)
    return -np.sign(s.m) * s.v


def lion(s, g, w, rate, t, *, beta1, beta2, weight_decay):
    """Chen and others (2023), program 1."""
    update = np.sign(beta1 * s.m + (1 - beta1) * g)
    s.m = beta2 * s.m + (1 - beta2) * g
    return -rate * (update + weight_decay * w)


# Rules that pull the weights towards 0 beside the gradient.
DECOUPLED = ("adamw", "lion")
BY_HAND = {
    made.__name__: made
    for made in (
        gradient_descent, momentum, nesterov, momentum_with_rate, nesterov_with_rate, adagrad,
        rmsprop, adadelta, adam, adamw, amsgrad, adamax, nadam, radam, rprop, lion,
    )
}  # fmt: skip
BY_HAND["gradient_ascent"] = gradient_descent
