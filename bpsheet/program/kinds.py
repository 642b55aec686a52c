"""Phases and roles of columns, and the column names that every program shares."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

__all__ = [
    "BATCH_END",
    "BATCH_ROW",
    "COUNTERS",
    "EPOCH",
    "EXAMPLE",
    "ITERATION",
    "PRESENTED",
    "STEPS",
    "STOPPED",
    "TITLES",
    "VALIDATION_LOSS",
    "Phase",
    "Role",
]

EXAMPLE = "example"

ITERATION, EPOCH = "iteration", "epoch"
BATCH_ROW, BATCH_END = "batch_row", "batch_end"
# 1 where the training was stopped early.
STOPPED, VALIDATION_LOSS = "stopped", "validation_loss"


class Phase(StrEnum):
    """When in an iteration a column is computed. The order here is the order of the columns."""

    INPUT = "input"
    WEIGHT = "weight"
    FORWARD = "forward"
    BACKWARD = "backward"
    GRADIENT = "gradient"
    VALIDATION = "validation"
    UPDATE = "update"
    TEST = "test"
    # For the tables that look closer at one iteration.
    CHECK = "check"
    TANGENT = "tangent"
    CURVATURE = "curvature"


# The steps of an iteration, as one asks for them, and the phases of each.
STEPS: dict[str, tuple[Phase, ...]] = {
    "forward": (Phase.FORWARD,),
    "backward": (Phase.BACKWARD, Phase.GRADIENT),
    "update": (Phase.UPDATE,),
}
# The heading over a phase's columns, on sheets and pages.
TITLES: Mapping[Phase, str] = {
    Phase.INPUT: "Example",
    Phase.WEIGHT: "Weights",
    Phase.FORWARD: "Forward pass",
    Phase.BACKWARD: "Backward pass",
    Phase.GRADIENT: "Gradient",
    Phase.VALIDATION: "Validation",
    Phase.UPDATE: "Adjustments",
    Phase.TEST: "Tests",
    Phase.CHECK: "Check",
    Phase.TANGENT: "Along the direction",
    Phase.CURVATURE: "Second derivatives",
}


class Role(StrEnum):
    """What a column is. It decides how the column looks and whether a layout shows it."""

    ITERATION = "iteration"
    EPOCH = "epoch"
    EXAMPLE = "example"
    BATCH_ROW = "row of the batch"
    BATCH_END = "end of the batch"
    DATA = "data"
    TARGET = "target"
    EXAMPLE_WEIGHT = "weight of the example"
    WEIGHT = "weight"
    SUM = "weighted sum"
    PART = "part of softmax"
    OUTPUT = "output"
    PREPARED = "prepared input"
    VALUE = "value of a formula"
    LOSS = "loss"
    LOSS_DERIVATIVE = "derivative of the loss"
    OUTPUT_DERIVATIVE = "derivative of an output"
    ERROR = "error term"
    DERIVATIVE = "derivative"
    GRADIENT = "gradient"
    GRADIENT_SUM = "running sum of a gradient"
    GRADIENT_USED = "gradient that the rule uses"
    GRADIENT_NORM = "length of the gradient"
    UPDATES = "number of updates"
    RATE = "learning rate of the update"
    MEMORY = "memory of the rule"
    ADJUSTMENT = "adjustment"
    TEST_SUM = "weighted sum for a test example"
    TEST_OUTPUT = "output for a test example"
    VERDICT = "verdict"
    VALIDATION_OUTPUT = "output for a validation example"
    VALIDATION_LOSS = "validation loss"
    STOPPING = "early stopping"
    MOVED = "moved weight or input"
    STEP = "step"
    ESTIMATE = "estimate of a gradient"
    DIFFERENCE = "difference of two gradients"
    DIRECTION = "direction"
    TANGENT = "slope along the direction"
    SECOND = "second derivative"


# The roles of the columns that count. They hold whole numbers, and no error reaches them.
COUNTERS = (
    Role.ITERATION,
    Role.EPOCH,
    Role.EXAMPLE,
    Role.BATCH_ROW,
    Role.BATCH_END,
    Role.UPDATES,
)
# The roles of the numbers that an example gives.
PRESENTED = (Role.DATA, Role.TARGET, Role.EXAMPLE_WEIGHT)
