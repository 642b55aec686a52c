"""Checks of the backward pass that do not use it, the work it takes, and second derivatives."""

from bpsheet.gradients.check import GradientCheck, check_gradient
from bpsheet.gradients.hessian import Curvature, curvature
from bpsheet.gradients.operations import by_size, operations

__all__ = [
    "Curvature",
    "GradientCheck",
    "by_size",
    "check_gradient",
    "curvature",
    "operations",
]
