"""A diagnosis in words: a sentence for each problem that has a remedy.

Each function looks for one problem and returns "" where the run does not have it. The
thresholds leave room: a run that works gets no sentence, and a doubtful problem none either.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from bpsheet.health.measures import Measures, Neuron, Numbers, known, less_rate, middle
from bpsheet.health.overflow import overflow_sentence
from bpsheet.health.spread import Reached
from bpsheet.words import listed

__all__ = ["sentences_of"]

# A step that became a hundred times longer, and half as long as the weights. In training that
# works, steps are about a thousandth of the weights and become shorter.
GREW, HUGE_STEP = 100.0, 0.5
# The ratio of the gradients of the first and the last layer, for three or more layers.
VANISHED, MANY_LAYERS = 1e-3, 3
# A step that is tiny relative to the weights, from a gradient that is not small.
TINY_STEP, REAL_GRADIENT = 1e-6, 1e-3
# A gradient that is 0 up to rounding, with a loss that is not.
NO_GRADIENT, REAL_LOSS = 1e-7, 1e-3
# The share of rows for "nearly always".
NEARLY_ALWAYS = 0.95
# Fewer epochs or updates than this show no trend.
FEW_EPOCHS, FEW_UPDATES = 5, 20
# A loss this small is 0 up to rounding, and may rise.
ROUNDING = 1e-9
# A swing to and fro: two successive epochs move the weights at an angle of more than 120 degrees,
# by more than a thousandth of the weights, and at the end by no less than nine tenths as far.
BACK, FAR, UNDIMINISHED = -0.5, 1e-3, 0.9


def sentences_of(measures: Measures, reached: Sequence[Reached]) -> list[str]:
    """The sentences on a run's problems, the worst first; none for a run that works."""
    if reached:
        sentences = [overflow_sentence(measures, reached, is_exploding=_is_exploding(measures))]
    elif measures.is_trained:
        if slow := _too_slow(measures):
            return [slow]
        sentences = [_first(measures, (_exploding, _rising, _swinging))]
    else:
        return []
    sentences += [_dead(measures), _saturated(measures)]
    if not any(sentences):
        sentences.append(_first(measures, (_unequal, _without_gradient)))
    return [sentence for sentence in sentences if sentence]


def _first(measures: Measures, looks: Sequence[Callable[[Measures], str]]) -> str:
    """The first sentence that a look gives. Further looks would name the same problem again."""
    return next((sentence for look in looks if (sentence := look(measures))), "")


def _is_exploding(measures: Measures) -> bool:
    """Whether steps became far longer than at first, and nearly as long as the weights."""
    for steps, adjustments in zip(measures.steps, measures.adjustments, strict=True):
        sizes, shares = known(adjustments), known(steps)
        if len(sizes) < 2 or not len(shares):
            continue
        # A tenth of the run at either end. At the last end one large step is enough.
        end = max(len(sizes) // 10, 1)
        start = middle(sizes[:end])
        if start > 0 and sizes[-end:].max() / GREW > start and shares[-end:].max() > HUGE_STEP:
            return True
    return False


def _exploding(measures: Measures) -> str:
    if not _is_exploding(measures):
        return ""
    return (
        "The weights are exploding: at the end an adjustment is as large as the weights that it "
        f"changes. Try {less_rate(measures)}."
    )


def _windows(measures: Measures) -> Numbers:
    """The loss over the run, smoothed: means over a tenth of the epochs."""
    cost = known(measures.cost)
    size = max(len(cost) // 10, 1)
    with np.errstate(over="ignore", invalid="ignore"):
        sums = np.concatenate([[0.0], np.cumsum(cost)])
        means: Numbers = (sums[size:] - sums[:-size]) / size
    return means


def _rising(measures: Measures) -> str:
    """The sentence on a mean loss of epochs that rises over the run, or after a minimum.

    It may rise a little: near a minimum every step size is too large for some example.
    """
    cost = _windows(measures)
    if len(measures.cost) < FEW_EPOCHS or not np.isfinite(cost).all():
        return ""
    if measures.parameter("weight_decay"):
        return ""  # with weight decay, training minimises more than the loss
    first, last, lowest = float(cost[0]), float(cost[-1]), int(cost.argmin())
    low, sign = float(cost[lowest]), -1 if measures.uphill else 1
    name, moved, back = measures.loss, *(("fell", "rose") if measures.uphill else ("rose", "fell"))
    advice = f"Each step goes too far. Try {less_rate(measures)}."
    over = "" if measures.epoch == 1 else ", on average over the examples"
    if last > ROUNDING and last - first > 0.05 * abs(first):
        return f"{name} {moved}{over}: from {sign * first:.3g} to {sign * last:.3g}. {advice}"
    if last > ROUNDING and last - low > max(0.25 * (first - low), 0.5 * abs(low)):
        iteration = (lowest + 1) * measures.epoch
        return (
            f"{name} {back} to {sign * low:.3g} up to about iteration {iteration:,}, and then "
            f"{moved} to {sign * last:.3g}{over}. {advice}"
        )
    return ""


def _swinging(measures: Measures) -> str:
    for group, (lengths, cosines), weights in zip(
        measures.groups, measures.turns, measures.weights, strict=True
    ):
        half = len(cosines) // 2
        late, ways, size = cosines[half:], lengths[half + 1 :], known(weights)
        if len(late) < FEW_EPOCHS or not len(size) or not np.isfinite(ways).all():
            continue
        third = max(len(ways) // 3, 1)
        if (
            np.mean(late < BACK) >= NEARLY_ALWAYS
            and middle(ways) > FAR * size[-1]
            and middle(ways[-third:]) > UNDIMINISHED * middle(ways[:third])
        ):
            what = "updates" if measures.epoch == 1 else "epochs"
            return (
                f"The {group.of_weights} swing to and fro: nearly each of the last {len(late)} {what} "
                f"undid most of the one before. Try {less_rate(measures)}."
            )
    return ""


def _dead(measures: Measures) -> str:
    dead = [
        neuron
        for neuron in measures.neurons
        if neuron.dead_since is not None and not (neuron.is_output and _has_learned(measures))
    ]
    if not dead:
        return ""
    since = max(neuron.dead_since or 0 for neuron in dead) + 1
    names, one = listed([neuron.name for neuron in dead]), len(dead) == 1
    is_are = "is" if one else "are"
    when = "from the start" if since == 1 else f"since iteration {since:,}"
    advice = (
        "larger biases or other first weights"
        if since == 1
        else f"{less_rate(measures)}, or leaky_relu"
    )
    return (
        f"{names} {is_are} dead {when}: for every example the weighted sum is where the "
        f"activation is flat, its derivative is 0, and {'its' if one else 'their'} weights get "
        f"no gradient. Try {advice}."
    )


def _has_learned(measures: Measures) -> bool:
    """Whether the loss came down by half. A run without a loss counts as having learned."""
    cost = _windows(measures)
    return not len(cost) or bool(cost[-1] <= max(0.5 * cost[0], ROUNDING))


def _is_saturated(neuron: Neuron) -> bool:
    """Whether a neuron is saturated in nearly every row, or at the end for every example."""
    return neuron.dead_since is None and (neuron.saturated >= NEARLY_ALWAYS or neuron.at_last == 1)


def _saturated(measures: Measures) -> str:
    """The sentence on layers with half of their neurons or more saturated.

    Where the loss came down all the same, a saturated neuron is a clear yes or no.
    """
    if _has_learned(measures):
        return ""
    saturated: list[Neuron] = []
    for index in range(len(measures.groups)):
        layer = [neuron for neuron in measures.neurons if neuron.group == index]
        flat = [neuron for neuron in layer if _is_saturated(neuron)]
        saturated += flat if 2 * len(flat) >= len(layer) else []
    if not saturated:
        return ""
    names, one = listed([neuron.name for neuron in saturated]), len(saturated) == 1
    at_first = all(neuron.at_first >= NEARLY_ALWAYS for neuron in saturated)
    when = "from the start" if at_first else "by the end"
    advice = "smaller first weights, or inputs of size about 1" if at_first else less_rate(measures)
    return (
        f"{names} {'is' if one else 'are'} saturated {when}: the weighted sum is so far from 0 "
        "that the derivative of the output is nearly 0, and little of the gradient comes through. "
        f"Try {advice}."
    )


def _unequal(measures: Measures) -> str:
    """The sentence on gradients that shrink or grow on their way back through the layers."""
    if len(measures.groups) < MANY_LAYERS:
        return ""
    sizes = [middle(gradient) for gradient in measures.gradients]
    first, last = sizes[0], sizes[-1]
    if not (first > 0 and last > 0):
        return ""
    begin, end = measures.groups[0].label, measures.groups[-1].label
    times = f"its median is {first:.1g} in {begin} and {last:.1g} in {end}"
    if first < VANISHED * last:
        return (
            f"The gradient vanishes on its way back: {times}, so {begin} hardly learns. Try tanh "
            'or relu instead of logistic, larger first weights (method = "xavier_uniform"), '
            "or fewer layers."
        )
    if last < VANISHED * first:
        return (
            f"The gradient grows on its way back: {times}. Try smaller first weights "
            '(method = "xavier_uniform").'
        )
    return ""


def _stands_still(measures: Measures) -> bool:
    return (
        len(measures.updates) >= FEW_UPDATES
        and len(measures.cost) > 0
        and not _has_learned(measures)
    )


def _too_slow(measures: Measures) -> str:
    """The sentence on steps that are tiny beside the weights, although there is a gradient."""
    steps = known(np.array([middle(step) for step in measures.steps]))
    pairs = zip(measures.gradients, measures.weights, strict=True)
    shares = [middle(gradient) / max(middle(weight), ROUNDING) for gradient, weight in pairs]
    if not _stands_still(measures) or not len(steps) or steps.max() >= TINY_STEP:
        return ""
    if not max(shares) > REAL_GRADIENT:
        return ""
    rate = measures.parameter("learning_rate")
    now = "" if rate is None else f" than {rate:g}"
    return (
        f"Nothing moves: a step is {steps.max():.1g} of the weights, and {measures.loss} hardly "
        f"changes. Try a larger learning rate{now}."
    )


def _without_gradient(measures: Measures) -> str:
    gradients = [known(gradient) for gradient in measures.gradients]
    largest = max((float(gradient.max()) for gradient in gradients if len(gradient)), default=0.0)
    if not _stands_still(measures) or largest >= NO_GRADIENT or measures.cost[-1] <= REAL_LOSS:
        return ""
    return (
        f"Nothing moves: the gradient is never larger than {largest:.1g}, though {measures.loss} "
        "is not 0. Either the loss has reached its best value, or it is flat at these weights. Try "
        "other first weights."
    )
