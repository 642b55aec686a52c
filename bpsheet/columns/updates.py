"""The quantities from the gradients to the adjustments.

A gradient goes through the stages that the training asks for, each a band of quantities: the
running sum over a batch and the batch's gradient, clipping, weight decay, the rule's memory. Then
comes the adjustment. In batches, all but the running sums change only on the batch's last row.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

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
from bpsheet.program.kinds import BATCH_END, BATCH_ROW, EPOCH, ITERATION, Phase, Role
from bpsheet.program.quantities import Band, Quantity, Scope
from bpsheet.tables.notation import Notation
from bpsheet.tables.spec import Training
from bpsheet.textbook.rules import RULES, SCHEDULES, SETTINGS, WARMUP, Rule
from bpsheet.textbook.rules import Quantity as Memory

__all__ = ["adjustment_column", "setting_names", "settings_of", "update_bands"]

UPDATES, RATE = "updates", "rate"
NORM, FACTOR = "gradient_norm", "clip_factor"
# Added to the gradient's length, as in PyTorch, so that clipping a gradient of 0 divides by no 0.
CLIP_FLOOR = 1e-6

Formulas = dict[str, Expr]
Known = Mapping[str, Formulas]


def settings_of(training: Training) -> dict[str, float]:
    """The hyper-parameters of the rule and of the schedule, with defaults for those not given."""
    rule = RULES.get(training.rule)
    if rule is None:
        return {}
    own = ("weight_decay", "clip_value", "clip_norm")
    given = {name: getattr(training, name) for name in (*rule.settings, *own)}
    values: dict[str, float | None] = {
        name: rule.settings.get(name) if value is None else value for name, value in given.items()
    }
    if training.schedule is not None:
        defaults = {**SCHEDULES[training.schedule.kind].settings, "schedule_warmup": None}
        for name, default in defaults.items():
            value = getattr(training.schedule, name.removeprefix("schedule_"))
            values[name] = default if value is None else value
    return {name: float(value) for name, value in values.items() if value is not None}


def setting_names(training: Training) -> list[str]:
    """The names of all settings of the training. The batch's are among them even for size 1."""
    return ["learning_rate", "batch_size", "reduction", *settings_of(training)]


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
        self.rule: Rule = RULES[training.rule]
        self.settings = settings_of(training)
        # Of each band of weights those arrays of which at least one weight is trained.
        self.weights = [trained for band in weights if (trained := _trained(band, adjustments))]
        self.adjustments = adjustments
        self.notation = notation
        self.scope = scope
        self.uphill = uphill
        self.batched = batched
        self.bands: list[Band] = []
        self.gradients: Formulas = {
            weight.name: Ref(self._gradient(weight)) for band in self.weights for weight in band
        }
        if batched:
            self._sum_over_batch()
        self._clip()
        self._decay()
        self._count()
        remembered = self._remember()
        rate = self._rate()
        self._adjust(rate, remembered)

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
        loss = self.notation.name("loss")

        def words(weight: Column) -> dict[str, str]:
            return {"weight": weight.name, "gradient": str(weight.adjoint_name)}

        def name(weight: Column) -> str:
            return self.notation.name(pattern, **words(weight), loss=loss)

        def make(weight: Column, name: str, formula: Expr) -> Column:
            return Column(
                name=name,
                phase=Phase.UPDATE,
                role=role,
                formula=formula,
                layer=weight.layer,
                neuron=weight.neuron,
                meaning=meaning.format(**words(weight)),
            )

        return self._stage(f"{pattern} of ", name, formula, make)

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
                entries = weight.each(
                    lambda column: name(column) if column.name in self.adjustments else None
                )
                own = f"{stage}{weight.name}" if weight.shape else entries.item()
                self.scope.announce(own, entries)

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
                "gradient of the batch with respect to {weight}: the sum, or the mean, on its last row",
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
        if not band[0].shape:
            return squares[0]
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
                Sum((_last(UPDATES), Ref(BATCH_END))),
                "number of updates, with the one at the end of this row",
            )

    def _filled(self, text: str, **operands: Expr) -> Expr:
        """A formula of a table with cells for its settings and `operands` for its other names."""
        cells = {name: Param(name) for name in SETTINGS}
        return fill(text, **cells, **operands)

    def _remember(self) -> dict[str, Formulas]:
        """The rule's own quantities, each from the gradient and from the quantities before it."""
        quantities: dict[str, Formulas] = {}
        for memory in self.rule.quantities:
            known = dict(quantities)

            def formula(
                weight: Quantity, name: str, memory: Memory = memory, known: Known = known
            ) -> Expr:
                whole = self._filled(
                    memory.formula,
                    g=self.gradients[weight.name],
                    t=Ref(UPDATES) if self.batched else Ref(ITERATION),
                    last=_last(name),
                    **{key: one[weight.name] for key, one in known.items()},
                )
                return self._at_end(whole, _last(name) if memory.kept else Num(0.0))

            quantities[memory.name] = self._each(memory.name, Role.MEMORY, formula, memory.meaning)
        return quantities

    def _rate(self) -> Expr:
        """The learning rate: its cell, or the schedule's column."""
        schedule = self.training.schedule
        rate: Expr = Param("learning_rate")
        if schedule is None or (schedule.kind == "constant" and schedule.warmup is None):
            return rate
        if schedule.per == "epoch":
            before: Expr = Sub(Ref(EPOCH), Num(1.0))
        elif self.batched:
            before = Sub(Ref(UPDATES), Ref(BATCH_END))
        else:
            before = Sub(Ref(ITERATION), Num(1.0))
        shape = SCHEDULES[schedule.kind]
        text, how = shape.formula, shape.how
        if schedule.warmup is not None:
            text = WARMUP.format(rate=text)
            how += "; it rises to that in the warm-up"
        return self._one(
            RATE,
            Role.RATE,
            self._filled(text, k=before, learning_rate=rate),
            f"learning rate of this update: {how}",
        )

    def _adjust(self, rate: Expr, remembered: Known) -> None:
        signed = rate if self.uphill else Neg(rate)
        how = ("" if self.uphill else "minus ") + self.rule.how

        def step(weight: Quantity, _: str) -> Expr:
            known = {key: one[weight.name] for key, one in remembered.items()}
            whole = self._filled(
                (self.uphill and self.rule.uphill) or self.rule.adjustment,
                rate=signed,
                g=self.gradients[weight.name],
                w=Ref(weight.name),
                **known,
            )
            return self._at_end(whole, Num(0.0))

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


def _last(name: str) -> Expr:
    """A quantity's value in the row before; 0 in the first row."""
    return If(Compare("=", Ref(ITERATION), Num(1.0)), Num(0.0), Ref(name, lag=1))


def adjustment_column(name: str, formula: Expr, weight: Column, how: str) -> Column:
    """The column of an adjustment, which the weight adds in the next row."""
    return Column(
        name=name,
        phase=Phase.UPDATE,
        role=Role.ADJUSTMENT,
        formula=formula,
        layer=weight.layer,
        neuron=weight.neuron,
        meaning=f"adjustment of {weight.name}: {how}",
    )
