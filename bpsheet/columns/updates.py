"""The quantities from the gradients to the adjustments.

A gradient goes through the stages that the training asks for, each a band of quantities: the
running sum over a batch and the batch's gradient, clipping, weight decay, the rule's memory. Then
comes the adjustment. In batches, all but the running sums change only on the batch's last row.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

import numpy as np

from bpsheet.columns.before import at_first, last_value
from bpsheet.columns.rules import rule_of, schedule_of
from bpsheet.formula.arrays import Array, beside, sum_of
from bpsheet.formula.filling import fill
from bpsheet.formula.tree import (
    Call,
    Compare,
    Div,
    Expr,
    If,
    Mul,
    Neg,
    Num,
    Param,
    Ref,
    Sub,
    Sum,
    total,
)
from bpsheet.formula.tree import Text as Word
from bpsheet.program.column import Column
from bpsheet.program.kinds import (
    BATCH_END,
    BATCH_ROW,
    EPOCH,
    ITERATION,
    STOPPED,
    VALIDATION_LOSS,
    Phase,
    Role,
)
from bpsheet.program.quantities import Band, Quantity, Scope
from bpsheet.tables.notation import Notation
from bpsheet.tables.training import Training
from bpsheet.textbook.rules import RULES, SCHEDULES, SETTINGS, WARMUP, Rule
from bpsheet.textbook.rules import Quantity as Memory

__all__ = ["adjustment_column", "setting_names", "settings_of", "update_bands"]

UPDATES, RATE = "updates", "rate"
NORM, FACTOR = "gradient_norm", "clip_factor"
# Added to the gradient's length, as in PyTorch, so that clipping a gradient of 0 divides by no 0.
CLIP_FLOOR = 1e-6

Formulas = dict[str, Expr]


def settings_of(training: Training) -> dict[str, float]:
    """The hyper-parameters of the rule and of the schedule, with defaults for those not given."""
    if training.rule == "perceptron":
        return {}
    defaults_of_rule = RULES[training.rule].settings if training.rule in RULES else {}
    own = ("weight_decay", "clip_value", "clip_norm", "patience")
    given = {name: getattr(training, name) for name in (*defaults_of_rule, *own)}
    values: dict[str, float | None] = {
        name: defaults_of_rule.get(name) if value is None else value
        for name, value in given.items()
    }
    if training.schedule is not None:
        defaults = {**schedule_of(training.schedule).settings, "schedule_warmup": None}
        for name, default in defaults.items():
            value = getattr(training.schedule, name.removeprefix("schedule_"))
            values[name] = default if value is None else value
        values |= dict(zip(_milestones(training), training.schedule.milestones or [], strict=True))
    return {name: float(value) for name, value in values.items() if value is not None}


def _milestones(training: Training) -> list[str]:
    """The names of the milestones' cells."""
    schedule = training.schedule
    count = len(schedule.milestones or []) if schedule is not None else 0
    return [f"schedule_milestones_{number + 1}" for number in range(count)]


def setting_names(training: Training, loss: Iterable[str]) -> list[str]:
    """The names of all settings of the training and of the `loss`.

    The batch's are among them even for size 1.
    """
    return ["learning_rate", "batch_size", "reduction", *settings_of(training), *loss]


def update_bands(
    training: Training,
    weights: Sequence[Band],
    notation: Notation,
    adjustments: Mapping[str, str],
    scope: Scope,
    *,
    uphill: bool,
    batched: bool,
) -> list[Band]:
    """The quantities from the gradients of the trained weights to their adjustments.

    `adjustments` names each trained weight's adjustment. `uphill` says that the loss is
    maximised. Equation for plain descent: Δw = −learning rate · gradient.
    """
    if not adjustments:
        return []
    return _Updates(
        training, weights, notation, adjustments, scope, uphill=uphill, batched=batched
    ).bands


class _Updates:
    """The stages, one after another. `gradients` are the formulas that the next stage uses."""

    def __init__(
        self,
        training: Training,
        weights: Sequence[Band],
        notation: Notation,
        adjustments: Mapping[str, str],
        scope: Scope,
        *,
        uphill: bool,
        batched: bool,
    ) -> None:
        self.training = training
        rule = rule_of(training)
        assert rule is not None
        self.rule: Rule = rule
        self.settings = settings_of(training)
        # Of each band of weights those arrays of which at least one weight is trained.
        self.weights = [trained for band in weights if (trained := _trained(band, adjustments))]
        self.adjustments = adjustments
        self.notation = notation
        self.scope = scope
        self.uphill = uphill
        self.batched = batched
        # How the rules' words say the direction.
        self.words = {"minus": "" if uphill else "minus ", "sign": "plus" if uphill else "minus"}
        self.bands: list[Band] = []
        self.gradients: Formulas = {
            weight.name: Ref(self._gradient(weight)) for band in self.weights for weight in band
        }
        if batched:
            self._sum_over_batch()
        self._clip()
        self._decay()
        self._count()
        rate = self._rate() if self.rule.paced else None
        self.memory: dict[str, dict[str, str]] = {}
        self._remember(rate)
        self._adjust(rate or self._rate())

    def _gradient(self, weight: Quantity) -> str:
        """The gradient of an array of weights, without those that are never updated."""
        names = [column.name for column in weight.columns.ravel()]
        if all(name in self.adjustments for name in names):
            return weight.adjoint
        own = f"{weight.adjoint} of the trained"
        self.scope.announce(
            own, weight.each(lambda c: c.adjoint_name if c.name in self.adjustments else None)
        )
        return own

    def _each(
        self, pattern: str, role: Role, formula: Callable[[Quantity, str], Expr], meaning: str
    ) -> Formulas:
        """A quantity for each array of weights; `meaning` may contain {gradient} and {weight}."""

        def make(weight: Column, name: str, formula: Expr) -> Column:
            return Column(
                name=name,
                phase=Phase.UPDATE,
                role=role,
                formula=formula,
                layer=weight.layer,
                neuron=weight.neuron,
                input=weight.input,
                weight=weight.name,
                meaning=meaning.format(**_words(weight), **self.words),
            )

        return self._stage(f"{pattern} of ", self._named(pattern), formula, make)

    def _named(self, pattern: str) -> Callable[[Column], str]:
        """The name that a pattern of the notation gives to a weight's column."""
        loss = self.notation.name("loss")
        return lambda weight: self.notation.name_of_weight(pattern, **_words(weight), loss=loss)

    def _announced(
        self, stage: str, name: Callable[[Column], str], weight: Quantity
    ) -> tuple[str, Array]:
        """The quantity of a stage for an array of weights, and the names of its columns."""
        entries = weight.each(
            lambda column: name(column) if column.name in self.adjustments else None
        )
        own = f"{stage}{weight.name}" if weight.shape else entries.item()
        self.scope.announce(own, entries)
        return own, entries

    def _stage(
        self,
        stage: str,
        name: Callable[[Column], str],
        formula: Callable[[Quantity, str], Expr],
        make: Callable[[Column, str, Expr], Column],
    ) -> Formulas:
        """A quantity for each array of weights, with a column for each weight that is trained.

        `stage` begins the quantities' names.
        """
        refs: Formulas = {}
        for band in self.weights:
            made = []
            for weight in band:
                own, entries = self._announced(stage, name, weight)

                def column(
                    index: tuple[int, ...],
                    formula: Expr,
                    _: object,
                    weight: Quantity = weight,
                    entries: Array = entries,
                ) -> Column:
                    return make(weight.columns[index], entries[index], formula)

                made.append(self.scope.quantity(own, entries, formula(weight, own), column))
                refs[weight.name] = Ref(own)
            self.bands.append(Band(tuple(made)))
        return refs

    def _one(self, name: str, role: Role, formula: Expr, meaning: str) -> Ref:
        def make(_index: tuple[int, ...], formula: Expr, _: object) -> Column:
            return Column(name, Phase.UPDATE, role, formula, meaning=meaning)

        self.bands.append(Band((self.scope.quantity(name, name, formula, make),)))
        return Ref(name)

    def _at_end(self, formula: Expr, otherwise: Expr) -> Expr:
        """The formula; in batches only on a batch's last row, and `otherwise` before it."""
        if not self.batched:
            return formula
        return If(Compare("=", Ref(BATCH_END), Num(1.0)), formula, otherwise)

    def _sum_over_batch(self) -> None:
        def running(weight: Quantity, name: str) -> Expr:
            begins = Compare("=", Ref(BATCH_ROW), Num(1.0))
            so_far = If(begins, Num(0.0), Ref(name, lag=1))
            return Sum((so_far, self.gradients[weight.name]))

        sums = self._each(
            "gradient_sum", Role.GRADIENT_SUM, running, "sum of {gradient} since the batch began"
        )
        length = If(Compare("=", Param("reduction"), Word("mean")), Ref(BATCH_ROW), Num(1.0))
        whole: Formulas = {name: Div(ref, length) for name, ref in sums.items()}
        if self.rule.quantities or {"clip_norm", "clip_value", "weight_decay"} & set(self.settings):
            whole = self._each(
                "gradient_batch",
                Role.GRADIENT_USED,
                lambda weight, _: self._at_end(whole[weight.name], Num(0.0)),
                "gradient of the batch with respect to {weight}: on its last row the sum, or the mean",
            )
        self.gradients = whole

    def _clip(self) -> None:
        before = self.gradients
        if "clip_value" in self.settings:
            limit = Param("clip_value")
            self.gradients = self._each(
                "gradient_clipped",
                Role.GRADIENT_USED,
                lambda weight, _: Call(
                    "max", (Neg(limit), Call("min", (before[weight.name], limit)))
                ),
                "gradient of {weight}, cut to the clip value where it is larger",
            )
        elif "clip_norm" in self.settings:
            squares = total([self._squares(band, before) for band in self.weights])
            norm = self._one(
                NORM,
                Role.GRADIENT_NORM,
                Call("sqrt", (squares,)),
                "length of the gradient: the root of the sum of all its squares",
            )
            room = Div(Param("clip_norm"), Sum((norm, Num(CLIP_FLOOR))))
            factor = self._one(
                FACTOR,
                Role.GRADIENT_NORM,
                Call("min", (Num(1.0), room)),
                "factor that makes the gradient no longer than the clip norm",
            )
            self.gradients = self._each(
                "gradient_clipped",
                Role.GRADIENT_USED,
                lambda weight, _: Mul(factor, before[weight.name]),
                "gradient of {weight}, times the factor that shortens all of them together",
            )

    def _squares(self, band: Sequence[Quantity], gradients: Formulas) -> Expr:
        """The sum of the squares of a layer's gradients, in the order of the sheet."""
        squares = [Mul(gradients[weight.name], gradients[weight.name]) for weight in band]
        if not all(weight.shape for weight in band):
            return total([sum_of(s) if w.shape else s for s, w in zip(squares, band, strict=True)])
        return sum_of(beside(*squares) if len(squares) == 2 else squares[0])

    def _decay(self) -> None:
        """Weight decay: the derivative of ½ · weight decay · w², which pulls the weight towards 0."""
        if "weight_decay" not in self.settings or self.rule.decoupled:
            return
        before = self.gradients

        def decayed(weight: Quantity, _: str) -> Expr:
            pull = Mul(Param("weight_decay"), Ref(weight.name))
            gradient = before[weight.name]
            whole = Sub(gradient, pull) if self.uphill else Sum((gradient, pull))
            return self._at_end(whole, Num(0.0))

        sign = "minus" if self.uphill else "plus"
        self.gradients = self._each(
            "gradient_decayed",
            Role.GRADIENT_USED,
            decayed,
            f"gradient of {{weight}}, {sign} the weight decay times {{weight}} itself",
        )

    def _count(self) -> None:
        """Count the updates where a formula needs their number: in batches, they are not the rows."""
        schedule = self.training.schedule
        by_update = schedule is not None and schedule.per == "update"
        if self.batched and (self.rule.counts or by_update):
            self._one(
                UPDATES,
                Role.UPDATES,
                Sum((last_value(UPDATES, Num(0.0)), Ref(BATCH_END))),
                "number of updates, including the one of this row",
            )

    def _filled(self, text: str, **operands: Expr) -> Expr:
        """A formula of a table with cells for its settings and `operands` for its other names."""
        cells = {name: Param(name) for name in SETTINGS}
        return fill(text, **cells, **operands)

    def _remember(self, rate: Expr | None) -> None:
        """The rule's own quantities, each from the gradient and from the quantities before it.

        `self.memory` gets their names: by the name in the rule, then by the array of weights.
        """
        weights = [weight for band in self.weights for weight in band]
        # All are announced before the first is made: it may use the last value of a later one.
        for memory in self.rule.quantities:
            self.memory[memory.name] = {w.name: self._memory_name(memory, w) for w in weights}
        for memory in self.rule.quantities:

            def formula(weight: Quantity, name: str, memory: Memory = memory) -> Expr:
                last = self._last(memory, name, rate, weight)
                whole = self._filled(memory.formula, last=last, **self._operands(weight, rate))
                return self._at_end(whole, last if memory.kept else Num(0.0))

            if memory.shared:
                name = self.memory[memory.name][weights[0].name]
                self._one(name, Role.MEMORY, formula(weights[0], name), memory.meaning)
            else:
                self._each(memory.name, Role.MEMORY, formula, memory.meaning)

    def _memory_name(self, memory: Memory, weight: Quantity) -> str:
        if memory.shared:
            return self.notation.rename.get(memory.name, memory.name)
        return self._announced(f"{memory.name} of ", self._named(memory.name), weight)[0]

    def _last(self, memory: Memory, name: str, rate: Expr | None, weight: Quantity) -> Expr:
        """A quantity of the rule as it was before this update."""
        return last_value(name, self._before(memory, weight) or self._begins(memory, rate))

    def _begins(self, memory: Memory, rate: Expr | None) -> Expr:
        return self._filled(memory.begins, **self._rates(rate))

    def _before(self, memory: Memory, weight: Quantity) -> Expr | None:
        """What the rule remembers of updates before the first row; None where it is not given."""
        given = self.training.memory.get(memory.name, {})
        values = given.get(memory.name if memory.shared else weight.name)
        if values is None:
            return None
        numbers = np.vectorize(Num, otypes=[object])(np.asarray(values, float))
        if not numbers.shape:
            return Num(float(np.asarray(values)))
        name = f"{memory.name} of {weight.name} before"
        self.scope.put_array(name, numbers)
        return Ref(name)

    def _rates(self, rate: Expr | None) -> Formulas:
        """The learning rate without and with the direction's sign, for a rule that uses it."""
        if rate is None:
            return {}
        return {"learning_rate": rate, "rate": rate if self.uphill else Neg(rate)}

    def _operands(self, weight: Quantity, rate: Expr | None) -> Formulas:
        """What the rule's formulas for an array of weights may use, besides the settings."""
        found = self._rates(rate) | {
            "g": self.gradients[weight.name],
            "t": self._number(),
            "w": Ref(weight.name),
        }
        for memory in self.rule.quantities:
            name = self.memory[memory.name][weight.name]
            found[memory.name] = Ref(name)
            found[f"last_{memory.name}"] = self._last(memory, name, rate, weight)
        return found

    def _number(self) -> Expr:
        """The number of this update."""
        number = Ref(UPDATES) if self.batched else Ref(ITERATION)
        before = self.training.updates_before
        return Sum((number, Num(float(before)))) if before else number

    def _rate(self) -> Expr:
        """The learning rate: its cell, or the schedule's column."""
        schedule = self.training.schedule
        rate: Expr = Param("learning_rate")
        if schedule is None:
            return rate
        shape = schedule_of(schedule)
        if shape is SCHEDULES["constant"] and schedule.warmup is None:
            return rate
        if schedule.per == "epoch":
            before: Expr = Sub(Ref(EPOCH), Num(1.0))
        elif self.batched:
            before = Sub(Ref(UPDATES), Ref(BATCH_END))
        else:
            before = Sub(Ref(ITERATION), Num(1.0))
        known: Formulas = {"k": before, "learning_rate": rate}
        if shape.each:
            cells = map(Param, _milestones(self.training))
            known["passed"] = total([fill(shape.each, k=before, milestone=cell) for cell in cells])
        if schedule.kind == "plateau":
            known |= {
                "judged": self._judged(schedule.per),
                "validation_loss": Ref(VALIDATION_LOSS),
                "last_rate": last_value(RATE, rate),
            }
        known |= {
            f"last_{part.name}": last_value(part.name, self._filled(part.begins))
            for part in shape.parts
        }
        for part in shape.parts:
            whole = self._filled(part.formula, **known)
            known[part.name] = self._one(part.name, Role.RATE, whole, part.meaning)
        text, how = shape.formula, shape.how
        if schedule.warmup is not None:
            text = WARMUP.format(rate=text)
            how += "; it rises to that in the warm-up"
        return self._one(
            RATE,
            Role.RATE,
            self._filled(text, **known),
            f"learning rate of this update: {how}",
        )

    def _judged(self, per: str) -> Expr:
        """1 in the rows that begin an update, or an epoch; the first row has none before it."""
        if per == "epoch":
            begins: Expr = If(
                Compare("=", Ref(EPOCH), last_value(EPOCH, Ref(EPOCH))), Num(0.0), Num(1.0)
            )
        elif self.batched:
            begins = If(Compare("=", Ref(BATCH_ROW), Num(1.0)), Num(1.0), Num(0.0))
        else:
            begins = Num(1.0)
        return at_first(Num(0.0), begins)

    def _adjust(self, rate: Expr) -> None:
        how = self.rule.how.format(**self.words)
        text = (self.uphill and self.rule.uphill) or self.rule.adjustment

        def step(weight: Quantity, _: str) -> Expr:
            whole = self._at_end(self._filled(text, **self._operands(weight, rate)), Num(0.0))
            if "patience" not in self.settings:
                return whole
            return If(Compare("=", Ref(STOPPED), Num(1.0)), Num(0.0), whole)

        self._stage(
            "Δ",
            lambda weight: self.adjustments[weight.name],
            step,
            lambda weight, name, formula: adjustment_column(name, formula, weight, how),
        )


def _trained(band: Band, adjustments: Mapping[str, str]) -> list[Quantity]:
    return [
        weight
        for weight in band.quantities
        if any(column.name in adjustments for column in weight.columns.ravel())
    ]


def _words(weight: Column) -> dict[str, str]:
    return {"weight": weight.name, "gradient": str(weight.adjoint_name)}


def adjustment_column(name: str, formula: Expr, weight: Column, how: str) -> Column:
    """The column of an adjustment, which the weight adds in the next row."""
    return Column(
        name=name,
        phase=Phase.UPDATE,
        role=Role.ADJUSTMENT,
        formula=formula,
        layer=weight.layer,
        neuron=weight.neuron,
        input=weight.input,
        weight=weight.name,
        meaning=f"adjustment of {weight.name}: {how}",
    )
