"""Which raw inputs lie behind the inputs that a network takes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from bpsheet.words import strings

__all__ = ["default_names", "raw_inputs", "steps_of"]


def raw_inputs(
    steps: Sequence[tuple[Sequence[str], Sequence[str]]], taken: Iterable[str]
) -> list[str]:
    """The raw inputs behind some inputs, each once, in their order.

    `steps` has the names that each step of [[prepare]] takes, and those that come out.

    >>> raw_inputs([(["age"], ["age_s"]), (["colour"], ["red", "green"])], ["age_s", "red", "green"])
    ['age', 'colour']
    """
    sources: dict[str, str] = {}
    for of, names in steps:
        # Of several names for one source, such as those of its categories, each comes from it.
        wide = of if len(of) == len(names) else list(of[:1]) * len(names)
        sources |= dict(zip(names, wide, strict=False))
    found: dict[str, None] = {}
    for name in taken:
        behind = name
        # A step may take what a step before it gives; no chain is longer than the steps.
        for _ in steps:
            behind = sources.get(behind, behind)
        found[behind] = None
    return list(found)


def default_names(kind: str, of: Sequence[str], categories: Sequence[Any]) -> list[str]:
    """The names of what comes out of a step that gives none.

    >>> default_names("one_hot", ["colour"], [1, 2.5])
    ['colour_1', 'colour_2.5']
    """
    if kind == "one_hot":
        return [f"{name}_{value:g}" for name in of for value in categories]
    return [f"{name}_s" for name in of]


def steps_of(prepare: object) -> list[tuple[list[str], list[str]]]:
    """What each step takes and gives, from tables that may hold anything."""
    steps = []
    for step in prepare if isinstance(prepare, list) else []:
        if isinstance(step, Mapping):
            of, names = strings(step.get("of")), strings(step.get("names"))
            numbers = [c for c in step.get("categories") or [] if isinstance(c, int | float)]
            steps.append((of, names or default_names(str(step.get("kind")), of, numbers)))
    return steps
