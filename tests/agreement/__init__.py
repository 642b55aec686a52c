"""Workbooks recalculated by engines that are not ours, all their cells compared.

    python -m tests.agreement [--count 500] [--seed 1] [--engines ironcalc gnumeric …]

writes tests/agreement.md: every template in all layouts, and experiments drawn at random (networks
with layers of every kind, losses, batches, optimisers, own formulas, learning rates at which weights
overflow).
In each a weight, the learning rate and an example are changed, and every cell is compared
before and after with a fresh run.
"""
