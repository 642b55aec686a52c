"""Functions that count cells or choose them by a condition, and those that join truths."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from bpsheet.errors import FormulaError
from bpsheet.formula.tree import ONE, Div, Expr, Num
from bpsheet.sheets.areas import Area
from bpsheet.sheets.evaluate import Evaluator, Function
from bpsheet.sheets.gather import values_of
from bpsheet.sheets.lookups import wild
from bpsheet.sheets.nodes import Call, Constant, Fault, Tree
from bpsheet.sheets.results import Cells, Here, Result
from bpsheet.sheets.tape import Edge, Item, Tape, number
from bpsheet.sheets.values import Known, Unknown, compared, number_in, truth_of

__all__ = ["COUNTING"]

SIGNS = ("<=", ">=", "<>", "<", ">", "=")


def _count(name: str, counts: Callable[[Item], bool]) -> Function:
    """COUNT and COUNTA: arguments that are values of their own count, too."""

    def make(reader: Evaluator, arguments: tuple[Tree, ...], here: Here) -> Result:
        total, moving = 0, []
        texts: list[str] = []
        for argument in arguments:
            result = reader.result(argument, here)
            if isinstance(result, Cells):
                inside = [item for area in result.areas for item in values_of(reader, area)]
                texts += [area.address for area in result.areas]
            elif isinstance(result, Item):
                inside = [result]
                if name == "COUNT" and isinstance(number(result), float):
                    inside = [Item(number(result), None, reader.tape.steps(result))]
            else:
                inside = [item for row in result for item in row]
            if any(isinstance(item.value, Unknown) for item in inside):
                return reader.tape.failed([i for i in inside if isinstance(i.value, Unknown)])
            total += sum(map(counts, inside))
            moving += [item for item in inside if item.moves and item.fault]
        value = float(total)
        written: Expr = Num(value)
        if len(texts) == len(arguments):
            written = reader.tape.written(f"{name}({','.join(texts)})", value)
        return reader.tape.made(value, written, reader.tape.steps(*moving))

    return Function(1, 255, make)


def _count_blank(reader: Evaluator, arguments: tuple[Tree, ...], here: Here) -> Result:
    area = _area(reader, arguments[0], here)
    filled = sum(item.value not in (None, "") for item in values_of(reader, area))
    return Item(float(area.size - filled))


def _area(reader: Evaluator, tree: Tree, here: Here) -> Area:
    result = reader.result(tree, here)
    if not isinstance(result, Cells) or len(result.areas) != 1:
        raise FormulaError("a range is expected where a condition is applied")
    return result.areas[0]


def _condition(item: Item) -> Callable[[Item], bool]:
    """The test that a condition such as ">=3" or "a*" stands for."""
    value = item.value
    if isinstance(value, Unknown):
        return lambda _: False
    if not isinstance(value, str):
        wanted: Known = 0.0 if value is None else value

        def is_like(other: Item) -> bool:
            found = other.value
            if isinstance(found, Unknown) or _kind(found) != _kind(wanted):
                return False
            return compared("=", found, wanted)

        return is_like
    sign = next((s for s in SIGNS if value.startswith(s)), "")
    text = value[len(sign) :]
    sign = sign or "="
    asked = number_in(text)
    if asked is not None:
        return lambda other: _holds(sign, other, asked)
    if text.upper() in ("TRUE", "FALSE"):
        truth = text.upper() == "TRUE"
        return lambda other: (other.value is truth) == (sign == "=")
    if not text:
        is_filled = sign == "<>" and bool(value)
        if is_filled or value == "=":
            return lambda other: (other.value is not None) == is_filled
        return lambda other: other.value in (None, "")
    pattern = wild(text)
    if pattern is not None and sign in ("=", "<>"):
        return lambda other: (
            (isinstance(other.value, str) and pattern.fullmatch(other.value) is not None)
            == (sign == "=")
        )
    if sign == "<>":
        return lambda other: not (isinstance(other.value, str) and compared("=", other.value, text))
    return lambda other: isinstance(other.value, str) and compared(sign, other.value, text)


def _kind(value: object) -> str:
    if isinstance(value, bool):
        return "truth"
    return "text" if isinstance(value, str) else "empty" if value is None else "number"


def _holds(sign: str, other: Item, asked: float) -> bool:
    """A condition on a number. A text that stands for a number equals it, too."""
    value = other.value
    if isinstance(value, str) and not isinstance(value, Fault) and sign in ("=", "<>"):
        value = number_in(value)
    if not isinstance(value, float) or isinstance(value, bool):
        return sign == "<>"
    return compared(sign, value, asked)


class _Conditions:
    """Ranges of one shape; a cell is chosen where all conditions on its fellows hold."""

    def __init__(self, reader: Evaluator, ranges: list[Tree], here: Here) -> None:
        areas = [_area(reader, tree, here) for tree in ranges]
        first = areas[0]
        if any((area.rows, area.columns) != (first.rows, first.columns) for area in areas):
            raise FormulaError("the ranges of the conditions differ in shape")
        used = [reader.book.sheet(area.sheet).used(area) for area in areas]
        self.shape = first._replace(
            bottom=first.top + max(part.rows for part in used) - 1,
            right=first.left + max(part.columns for part in used) - 1,
        )
        reader.look_at(self.shape.size * len(areas))
        self.lines = [
            [reader.item(place) for place in _like(area, self.shape).places()] for area in areas
        ]
        self.moving = [item for line in self.lines for item in line if item.moves]

    def chosen(self, asked: list[Item]) -> list[bool]:
        tests = list(map(_condition, asked))
        return [
            all(test(item) for test, item in zip(tests, items, strict=True))
            for items in zip(*self.lines, strict=True)
        ]

    def steps(self, tape: Tape, name: str, asked: list[Item]) -> tuple[Edge, ...]:
        steps = tape.steps(*asked, *self.moving)
        if steps:
            tape.remark(f"what {name} takes depends on the parameters: it changes by jumps")
        return steps


def _like(area: Area, shape: Area) -> Area:
    """The area that begins like one and has the shape of another."""
    return area._replace(bottom=area.top + shape.rows - 1, right=area.left + shape.columns - 1)


def _count_ifs(reader: Evaluator, arguments: tuple[Tree, ...], here: Here) -> Result:
    ranges, asked = _pairs(arguments)
    conditions = _Conditions(reader, ranges, here)

    def counted(items: list[Item]) -> Item:
        reader.look_at(conditions.shape.size)
        if faults := [item for item in items if item.fault]:
            return reader.tape.failed(faults)
        steps = conditions.steps(reader.tape, "COUNTIF", items)
        return reader.tape.made(float(sum(conditions.chosen(items))), None, steps)

    return reader.lift(counted, [reader.result(tree, here) for tree in asked], here)


def _pairs(arguments: tuple[Tree, ...]) -> tuple[list[Tree], list[Tree]]:
    """The ranges and their conditions."""
    if len(arguments) % 2:
        raise FormulaError("a condition has no range, or a range no condition")
    return list(arguments[::2]), list(arguments[1::2])


def _over_chosen(name: str, *, is_mean: bool, is_many: bool) -> Function:
    """SUMIF, AVERAGEIF and those with several conditions."""

    def make(reader: Evaluator, arguments: tuple[Tree, ...], here: Here) -> Result:
        if is_many:
            source = arguments[0]
            ranges, asked = _pairs(arguments[1:])
        else:
            source = arguments[2 if len(arguments) == 3 else 0]
            ranges, asked = [arguments[0]], [arguments[1]]
        conditions = _Conditions(reader, ranges, here)
        area = _like(_area(reader, source, here), conditions.shape)
        cells = [reader.item(place) for place in area.places()]

        def taken(items: list[Item]) -> Item:
            reader.look_at(conditions.shape.size)
            if faults := [item for item in items if item.fault]:
                return reader.tape.failed(faults)
            steps = conditions.steps(reader.tape, name, items)
            holds = conditions.chosen(items)
            chosen = [cell for cell, is_chosen in zip(cells, holds, strict=True) if is_chosen]
            return _summed(reader.tape, chosen, steps, is_mean=is_mean)

        return reader.lift(taken, [reader.result(tree, here) for tree in asked], here)

    return Function(3, 255, make) if is_many else Function(2, 3, make)


def _summed(tape: Tape, items: list[Item], steps: tuple[Edge, ...], *, is_mean: bool) -> Item:
    """The sum, or the mean, of the numbers among some cells."""
    if faults := [item for item in items if item.fault]:
        return tape.failed(faults)
    items = [item for item in items if isinstance(item.value, float)]
    if is_mean and not items:
        return tape.made(Fault("#DIV/0!"), None, steps)
    count = Num(float(len(items)))
    total = sum(item.value for item in items)  # type: ignore[misc]
    slope: Expr = Div(ONE, count) if is_mean else ONE
    edges = (*((item, slope) for item in items if item.moves), *steps)

    def written() -> Expr:
        return Div(tape.total(items), count) if is_mean else tape.total(items)

    return tape.made(total / count.value if is_mean else float(total), written, edges)


def _joined(name: str, join: Callable[[list[bool]], bool]) -> Function:
    """AND, OR, XOR."""

    def make(reader: Evaluator, arguments: tuple[Tree, ...], here: Here) -> Result:
        items: list[Item] = []
        words: list[str] = []
        for argument in arguments:
            result = reader.result(argument, here)
            if isinstance(result, Item):
                items.append(result)
                words.append(reader.tape.text(result))
                continue
            inside = [item for row in reader.grid(result) for item in row]
            kept = [i for i in inside if i.fault or not isinstance(i.value, str | None)]
            items += kept
            words += map(reader.tape.text, kept)
        if faults := [item for item in items if item.fault]:
            return reader.tape.failed(faults)
        truths = [truth_of(item.value) for item in items]  # type: ignore[arg-type]
        if not truths or any(isinstance(truth, Fault) for truth in truths):
            return reader.tape.failed(items, Fault("#VALUE!"))
        truth = join(truths)  # type: ignore[arg-type]
        return reader.tape.made(
            truth,
            lambda: reader.tape.written(f"{name}({','.join(words)})", float(truth)),
            reader.tape.steps(*items),
        )

    return Function(1, 255, make)


def _if_error(kinds: tuple[str, ...]) -> Function:
    """IFERROR and IFNA."""

    def make(reader: Evaluator, arguments: tuple[Tree, ...], here: Here) -> Result:
        def caught(items: list[Item]) -> Item:
            first, second = items
            is_caught = isinstance(first.value, Fault) and (not kinds or first.value in kinds)
            if not is_caught:
                return first
            if not first.moves:
                return second
            reader.tape.remark("an error is replaced here: its slope is that of the replacement")
            edges: tuple[Edge, ...] = ((second, ONE),) if second.moves else ()
            edges += reader.tape.steps(first)
            return reader.tape.made(second.value, lambda: second.expr, edges)

        results = [reader.formula(argument, here) for argument in arguments]
        return reader.lift(caught, results, here)

    return Function(2, 2, make)


def _ifs(reader: Evaluator, arguments: tuple[Tree, ...], here: Here) -> Result:
    """IFS: as many IFs, one in another."""
    whole: Tree = Call("NA", ())
    tests, results = _pairs(arguments)
    for test, result in zip(tests[::-1], results[::-1], strict=True):
        whole = Call("IF", (test, result, whole))
    return reader.result(whole, here)


SUBTOTALS = (
    "AVERAGE", "COUNT", "COUNTA", "MAX", "MIN", "PRODUCT", "STDEV", "STDEVP", "SUM", "VAR", "VARP",
)  # fmt: skip


def _subtotal(reader: Evaluator, arguments: tuple[Tree, ...], here: Here) -> Result:
    """SUBTOTAL of ranges without other subtotals and without hidden rows, which it may leave out."""
    for argument in arguments[1:]:
        result = reader.result(argument, here)
        for area in result.areas if isinstance(result, Cells) else ():
            _refuse_left_out(reader, area)
    kind = arguments[0]
    if not isinstance(kind, Constant) or not isinstance(kind.value, float):
        raise FormulaError("the kind of SUBTOTAL is expected as a number")
    number_of = int(kind.value) % 100
    if not 1 <= number_of <= len(SUBTOTALS):
        raise FormulaError(f"SUBTOTAL of kind {number_of} is not known here")
    return reader.result(Call(SUBTOTALS[number_of - 1], arguments[1:]), here)


def _refuse_left_out(reader: Evaluator, area: Area) -> None:
    sheet = reader.book.sheet(area.sheet)
    used = sheet.used(area)
    if sheet.hidden is None or sheet.hidden.intersection(range(used.top, used.bottom + 1)):
        raise FormulaError("SUBTOTAL is read over rows that are shown only; it has hidden ones")
    for place in used.places():
        cell = sheet.cells.get((place.row, place.column))
        if (
            cell is not None
            and cell.formula is not None
            and "SUBTOTAL(" in cell.formula.text.upper()
        ):
            raise FormulaError(f"SUBTOTAL leaves out {place.name}, which is one, too")


def _ranked(name: str) -> Function:
    """LARGE and SMALL. Which cell it is is taken as it is now."""

    def make(reader: Evaluator, arguments: tuple[Tree, ...], here: Here) -> Result:
        grid = reader.grid(reader.result(arguments[0], here._replace(is_array=True)))
        inside = [item for row in grid for item in row]
        if faults := [item for item in inside if item.fault]:
            return reader.tape.failed(faults)
        items = [item for item in inside if isinstance(item.value, float)]
        rank = reader.single(arguments[1], here)
        found = number(rank)
        if not isinstance(found, float):
            return reader.tape.failed([rank])
        if rank.moves:
            raise FormulaError(f"the rank of {name} depends on the parameters")
        if not 1 <= found <= len(items):
            return reader.tape.failed(items, Fault("#NUM!"))
        items.sort(key=lambda item: item.value, reverse=name == "LARGE")  # type: ignore[arg-type,return-value]
        picked = items[int(found) - 1]
        if sum(item.value == picked.value for item in items) > 1 and any(i.moves for i in items):
            reader.tape.remark(f"{name}: several values are equal here: there is a kink")
        steps = reader.tape.steps(*(item for item in items if item is not picked))
        edges = ((picked, ONE), *steps) if picked.moves else steps
        return reader.tape.made(picked.value, lambda: picked.expr, edges)

    return Function(2, 2, make)


def _constant(*, value: bool | Fault) -> Function:
    return Function(0, 0, lambda _reader, _arguments, _here: Item(value))


def _random(name: str) -> Function:
    def make(_reader: Evaluator, _arguments: tuple[Tree, ...], _here: Here) -> Result:
        raise FormulaError(
            f"{name} gives another number each time; in a cell of its own what it gave last counts"
        )

    return Function(0, 255, make)


COUNTING: Mapping[str, Function] = {
    "AND": _joined("AND", all),
    "AVERAGEIF": _over_chosen("AVERAGEIF", is_mean=True, is_many=False),
    "AVERAGEIFS": _over_chosen("AVERAGEIFS", is_mean=True, is_many=True),
    "COUNT": _count("COUNT", lambda item: isinstance(item.value, float)),
    "COUNTA": _count("COUNTA", lambda item: item.value is not None),
    "COUNTBLANK": Function(1, 1, _count_blank),
    "COUNTIF": Function(2, 2, _count_ifs),
    "COUNTIFS": Function(2, 254, _count_ifs),
    "FALSE": _constant(value=False),
    "IFERROR": _if_error(()),
    "IFS": Function(2, 254, _ifs),
    "IFNA": _if_error(("#N/A",)),
    "LARGE": _ranked("LARGE"),
    "NA": _constant(value=Fault("#N/A")),
    "NOW": _random("NOW"),
    "OR": _joined("OR", any),
    "RAND": _random("RAND"),
    "RANDBETWEEN": _random("RANDBETWEEN"),
    "SMALL": _ranked("SMALL"),
    "SUBTOTAL": Function(2, 255, _subtotal),
    "SUMIF": _over_chosen("SUMIF", is_mean=False, is_many=False),
    "SUMIFS": _over_chosen("SUMIFS", is_mean=False, is_many=True),
    "TODAY": _random("TODAY"),
    "TRUE": _constant(value=True),
    "XOR": _joined("XOR", lambda truths: sum(truths) % 2 == 1),
}
