"""The verdicts of a comparison."""

from bpsheet.hand.judge import judge


def only(trace, hand, quantity):
    found = judge(trace, {(1, name): text for name, text in hand.items()}).judgements
    return next(judgement for judgement in found if judgement.quantity == quantity)
