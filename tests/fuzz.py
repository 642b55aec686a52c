"""Inputs that nobody meant: damaged, spliced and random ones, for everything that reads.

Whatever comes in, nothing but the product's own exceptions comes out, soon, and without much
memory. `python -m tests.fuzz` gives each reader 100,000 inputs, guided by what code they reach
(it needs the extra `offline`); `python -m tests.fuzz csv --count 5000` fewer,
for one reader. The tests give each some hundred, without guidance (`test_fuzz`).
"""

from __future__ import annotations

import argparse
import io
import random
import resource
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parent.parent
# A child of the fuzzer may use so much memory, and so long for one input.
MEGABYTES, SECONDS = 2_000, 20
NAMES = ("a", "b", "x1", "y")


@dataclass(frozen=True)
class Target:
    """What is given to a reader: how it is called, and inputs from which others are made.

    words: what is put in now and then, for mere bytes seldom spell it
    """

    call: Callable[[bytes], object]
    seeds: Callable[[], Sequence[bytes]]
    words: Sequence[bytes] = ()


def _text(data: bytes) -> str:
    return data.decode("utf-8", errors="replace")


@cache
def _folder() -> Path:
    """A folder for files, gone with the process."""
    made = tempfile.TemporaryDirectory(prefix="bpsheet-fuzz-")
    _KEPT.append(made)
    return Path(made.name)


_KEPT: list[tempfile.TemporaryDirectory[str]] = []


def _file(name: str, data: bytes) -> Path:
    path = _folder() / name
    path.write_bytes(data)
    return path


def _experiment(data: bytes) -> object:
    """An experiment file; what is taken is built, written again and the same."""
    from bpsheet.api.experiment import Experiment
    from bpsheet.plan.reader import from_text

    text = _text(data)
    experiment = from_text(text, base=_folder(), name="fuzz", source="fuzz.toml", made=Experiment)
    again = from_text(
        experiment.to_toml(), base=_folder(), name="fuzz", source="again.toml", made=Experiment
    )
    assert again.to_dict() == experiment.to_dict(), (
        "written and read again it is another experiment"
    )
    return experiment.program(iterations=1)


def _formula(data: bytes) -> object:
    """A formula; what is taken prints, and reads the same again."""
    from bpsheet.formula.parse import parse_formula
    from bpsheet.printers.text import formula_text

    tree = parse_formula(_text(data), NAMES)
    printed = formula_text(tree)
    assert formula_text(parse_formula(printed, NAMES)) == printed
    return tree


def _sheet_formula(data: bytes) -> object:
    """A formula of somebody's workbook: copied into cells and read with all that it leads to."""
    from openpyxl import Workbook

    from bpsheet.sheets import differentiate_workbook
    from bpsheet.xlsx.cells import put_number

    book = Workbook()
    sheet = book.active
    for row in range(1, 5):
        for letter in "ABC":
            put_number(sheet, f"{letter}{row}", row / 4)
    text = "".join(char for char in _text(data) if char.isprintable())[:2000]
    sheet["D9"].value = f"={text}"
    path = _folder() / "model.xlsx"
    book.save(path)
    return differentiate_workbook(path, "Sheet!D9", ["Sheet!A1:A3"], _folder() / "out.xlsx")


def _csv(data: bytes) -> object:
    """The data of an experiment, hand calculations, and a class list."""
    from bpsheet.exercises.roster import read_roster

    path = _file("data.csv", data)
    return _by_any(_with_data, lambda: _trace().compare(path), lambda: read_roster(path))


def _by_any(*readers: Callable[[], object]) -> None:
    """Let each reader try. Raises the first one's refusal where all refuse."""
    from bpsheet.errors import BpsheetError

    refused: list[BpsheetError] = []
    for read in readers:
        try:
            read()
        except BpsheetError as error:
            refused.append(error)
    if len(refused) == len(readers):
        raise refused[0]


def _with_data() -> object:
    from bpsheet.api.experiment import Experiment

    tables = {**_perceptron(), "data": {"file": "data.csv"}}
    return Experiment.from_dict(tables, base=_folder())


@cache
def _perceptron() -> dict[str, object]:
    """A small experiment, quickly checked, with the columns x1, x2 and y."""
    import bpsheet as bp

    return bp.load("book-perceptron").to_dict()


@cache
def _trace():
    import bpsheet as bp

    return bp.load("two-neuron").run(3)


def _number(data: bytes) -> object:
    """A typed number, with either decimal sign."""
    from bpsheet.hand.numbers import Written, read_number

    for decimal in ".,":
        read = read_number(_text(data), decimal)
        if isinstance(read, Written):
            assert read.agrees(read.value)
            assert read.decimals == read.decimals + 0 * read.significant
    return None


def _workbook(data: bytes) -> object:
    """A workbook, as ours and as a filled-in exercise: the first byte says which part is changed."""
    import bpsheet as bp
    from bpsheet.errors import BpsheetError

    path = _file("book.xlsx", _with_part(data))
    try:
        bp.load(path)
    except BpsheetError:
        # Perhaps it is the exercise.
        return _trace().compare(path)


def _with_part(data: bytes) -> bytes:
    """A workbook with one part replaced by the data after the first two bytes."""
    if len(data) < 2:
        return data
    whole = _books()[data[0] % len(_books())]
    made = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(whole)) as old, zipfile.ZipFile(made, "w") as new:
        names = old.namelist()
        for name in names:
            changed = name == names[data[1] % len(names)]
            new.writestr(name, data[2:] if changed else old.read(name))
    return made.getvalue()


@cache
def _books() -> list[bytes]:
    """A small workbook of ours, and an exercise."""
    import bpsheet as bp
    from bpsheet.exercises.exercise import Exercise
    from bpsheet.exercises.fillin import fill_in_workbook

    path = bp.load("two-neuron").run(2).to_excel(_folder() / "two.xlsx", "book")
    return [path.read_bytes(), fill_in_workbook(Exercise(bp.load("two-neuron")).task("Ada"))]


def _parts() -> list[bytes]:
    """Every part of these workbooks, behind the bytes that say where it belongs."""
    seeds = []
    for book, whole in enumerate(_books()):
        with zipfile.ZipFile(io.BytesIO(whole)) as package:
            for number, name in enumerate(package.namelist()):
                seeds.append(bytes([book, number]) + package.read(name))
    return seeds


def _zip(data: bytes) -> object:
    """A workbook whose bytes are damaged as a file's are."""
    import bpsheet as bp

    return bp.load(_file("damaged.xlsx", data))


def _own_workbook(data: bytes) -> object:
    """Somebody's workbook with one part replaced: the first byte says which."""
    from bpsheet.sheets import differentiate_workbook

    if not data:
        return None
    with zipfile.ZipFile(io.BytesIO(_own_book())) as package:
        names = package.namelist()
    path = _file("own.xlsx", replaced(_own_book(), names[data[0] % len(names)], data[1:]))
    return differentiate_workbook(path, "D9", ["A1:A3"], _folder() / "out.xlsx")


def replaced(whole: bytes, changed: str, content: bytes) -> bytes:
    """A package with one part replaced."""
    made = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(whole)) as old, zipfile.ZipFile(made, "w") as new:
        for name in old.namelist():
            new.writestr(name, content if name == changed else old.read(name))
    return made.getvalue()


@cache
def _own_book() -> bytes:
    """With a table, names, a filled-down formula, an array formula, a date and an error."""
    import datetime as dt

    from openpyxl import Workbook
    from openpyxl.workbook.defined_name import DefinedName
    from openpyxl.worksheet.formula import ArrayFormula
    from openpyxl.worksheet.table import Table

    book = Workbook()
    sheet = book.active
    for row in [(1.5, "x", 2), (2.5, True, 0.5), (3.5, "#N/A", dt.date(2020, 1, 5))]:
        sheet.append(row)
    sheet["E1"], sheet["E2"], sheet["E3"] = "t", 2, "=A2*2"
    sheet.add_table(Table(displayName="T", ref="E1:E3"))
    book.defined_names["rate"] = DefinedName("rate", attr_text="Sheet!$A$2")
    sheet["F1"] = ArrayFormula("F1:F3", "=A1:A3*2")
    sheet["D9"] = "=SUM(T[t])+SUM(F1:F3)^2+rate*C1"
    made = io.BytesIO()
    book.save(made)
    return made.getvalue()


def _own_parts() -> list[bytes]:
    with zipfile.ZipFile(io.BytesIO(_own_book())) as package:
        names = package.namelist()
        return [bytes([number]) + package.read(name) for number, name in enumerate(names)]


def _ods(data: bytes) -> object:
    """The content of an .ods workbook: somebody's own, a roster, hand values."""
    from bpsheet.exercises.roster import read_roster
    from bpsheet.sheets import differentiate_workbook

    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as package:
        package.writestr("mimetype", "application/vnd.oasis.opendocument.spreadsheet")
        package.writestr("content.xml", data)
    path = _file("book.ods", made.getvalue())
    return _by_any(
        lambda: differentiate_workbook(path, "D1", ["A1:A2"], _folder() / "out.ods"),
        lambda: read_roster(path),
        lambda: _trace().compare(path),
    )


def _ods_contents() -> list[bytes]:
    spaces = " ".join(
        f'xmlns:{name}="urn:oasis:names:tc:opendocument:xmlns:{name}:1.0"'
        for name in ("office", "table", "text")
    )
    number = '<table:table-cell office:value-type="float" office:value="{0}" {1}><text:p>{0}</text:p></table:table-cell>'
    cells = [
        number.format("1.5", ""),
        number.format("0.5", 'table:number-columns-repeated="2"'),
        number.format("9.5", 'table:formula="of:=SUM([.A1:.A2])^2+[.B1]"'),
    ]
    name = '<table:table-cell office:value-type="string"><text:p>{}</text:p></table:table-cell>'
    own = (
        f"<table:table-row>{''.join(cells)}</table:table-row>"
        f'<table:table-row table:number-rows-repeated="3">{cells[0]}</table:table-row>'
    )
    roster = "".join(
        f"<table:table-row>{name.format(n)}</table:table-row>" for n in ("Name", "Ada")
    )
    return [
        f"<office:document-content {spaces}><office:body><office:spreadsheet>"
        f'<table:table table:name="Sheet">{rows}</table:table>'
        "</office:spreadsheet></office:body></office:document-content>".encode()
        for rows in (own, roster)
    ]


def _roster(data: bytes) -> object:
    """A roster as text in any encoding. What is taken is written and read the same again."""
    from bpsheet.exercises.names import file_name
    from bpsheet.exercises.roster import read_roster

    roster = read_roster(_file("roster.csv", data))
    assert len({file_name(label).casefold() for label in roster.labels}) == len(roster.labels)
    return roster


ROSTERS = (
    *(b"student,id\nAda,1\nGrace,2\n", b"Vorname;Nachname;ID-Nummer\nZo\xc3\xab;Gro\xc3\x9f;7\n"),
    *("Name\tId\nJürgen Groß\t1\n".encode("utf-16"), b"Name\rZo\x91 M\x9fller\r"),
    *(b'Student,ID,SIS User ID\n    Points Possible,,\n"Lovelace, Ada",101,u7\n', b"Ada\nBob\n"),
)


def _handin(data: bytes) -> object:
    """A file that was handed in: the first byte says under which name."""
    from bpsheet.errors import BpsheetError
    from bpsheet.exercises.handins import handed_in
    from bpsheet.exercises.sheetfile import contents_of
    from tests.helpers.grading import grade_file

    name = HAND_INS[data[0] % len(HAND_INS)] if data else HAND_INS[0]
    refused: list[BpsheetError] = []
    for found in handed_in(_file(name, data[1:])).files:
        try:
            content = found.content()
            contents_of(content, found.path.name)
            grade_file(_file(f"one{found.path.suffix}", content), _exercise().experiment)
        except BpsheetError as error:
            refused.append(error)
    if refused:
        raise refused[0]
    return None


HAND_INS = ("sheet.csv", "sheet.xlsx", "sheets.zip")


@cache
def _exercise():
    import bpsheet as bp
    from bpsheet.exercises.exercise import Exercise

    return Exercise(bp.load("two-neuron"))


def _handins() -> list[bytes]:
    from openpyxl import load_workbook

    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as package:
        package.writestr("Ada_1_assignsubmission_file_/sheet.xlsx", _books()[1])
    rows = load_workbook(io.BytesIO(_books()[1])).worksheets[0].iter_rows(values_only=True)
    lines = "".join(f"{','.join(str(cell or '') for cell in row)}\n" for row in rows)
    return [b"\0" + lines.encode(), b"\1" + _books()[1], b"\2" + made.getvalue()]


def _model(data: bytes) -> object:
    """A trained model: the first byte says in which format."""
    import bpsheet as bp

    ending = MODELS[data[0] % len(MODELS)] if data else MODELS[0]
    path = _file(f"model{ending}", data[1:])
    if ending == ".onnx":
        return bp.from_onnx(path)
    from bpsheet.models.arrays import read_arrays
    from bpsheet.models.files import arrays_in

    arrays, framework = arrays_in(path)
    how = {"activations": ["tanh", "logistic"], "orientation": "weight"}
    return read_arrays(arrays, None, None, None, framework=framework, source="fuzz", **how)


MODELS = (".onnx", ".npz", ".safetensors")


def _models() -> list[bytes]:
    import json

    import numpy as np

    run = _trace()
    arrays = {
        "W1": np.array([[0.6, -0.1]]), "b1": np.array([0.3]),
        "W2": np.array([[0.5]]), "b2": np.array([-0.2]),
    }  # fmt: skip
    np.savez(made := io.BytesIO(), **arrays)
    head, body = {}, b""
    for name, array in arrays.items():
        ends = [len(body), len(body) + array.nbytes]
        head[name] = {"dtype": "F64", "shape": array.shape, "data_offsets": ends}
        body += array.tobytes()
    text = json.dumps(head).encode()
    return [
        b"\0" + run.to_onnx(_folder() / "seed.onnx").read_bytes(),
        b"\1" + made.getvalue(),
        b"\2" + len(text).to_bytes(8, "little") + text + body,
    ]


def _parquet(data: bytes) -> object:
    """A run, or the data of an experiment, in a Parquet file."""
    import bpsheet as bp
    from bpsheet.api.experiment import Experiment
    from bpsheet.errors import BpsheetError

    path = _file("run.parquet", data)
    try:
        return bp.load(path)
    except BpsheetError:
        tables = {**_perceptron(), "data": {"file": path.name}}
        return Experiment.from_dict(tables, base=_folder())


def _parquets() -> list[bytes]:
    import pandas as pd

    table = pd.DataFrame({"x1": [1.0, 2.0], "x2": [0.5, 1.5], "y": [1.0, -1.0]})
    table.to_parquet(made := io.BytesIO())
    return [_trace().to_parquet(_folder() / "seed.parquet").read_bytes(), made.getvalue()]


def _templates() -> list[bytes]:
    folder = ROOT / "templates"
    return [path.read_bytes() for path in sorted(folder.glob("*.toml")) if path.stem != "digits"]


FORMULAS = (
    b"a*x1 + b",
    b"if(a > 0, a, 0.1*b)",
    b"-(a - y)^2/2",
    b"max(0, a)*exp(-abs(b))",
    b"1e-7*a",
)
SHEET_FORMULAS = (
    *(b"SUM(A1:A3)*B2-C4^2", b"IF(A1>0,TANH(A2),1/(1+EXP(-A3)))", b"SUMPRODUCT(A1:A3,B1:B3)"),
    *(b"MMULT(TRANSPOSE(A1:A3),B1:B3)", b"LOG(A1,2)+LN(A2)-PI()", b"AVERAGE(A1,A2:A3)/MAX(A1:C1)"),
)
TABLES = (
    *(b"x1,x2,y\n-0.9,0.1,1\n", b"iteration,quantity,value\n1,g,-0.25\n1,f,0.58\n"),
    *(b"student,id\nAda,1\nGrace,2\n", b"x1;x2;y\n1;2;3\n", b"g\tf\n-0.24\t0.42\n"),
)
NUMBERS = (b"-0.25", b"1.2e-3", "−0.5".encode(), "1.2×10^-3".encode(), b"1,234.5", b".5")
WORDS = (b"[network]", b"[[network.layers]]", b"[graph]", b"[data]", b"file = ", b"examples = ")

TARGETS: Mapping[str, Target] = {
    "experiment": Target(_experiment, _templates, (*WORDS, b"inf", b"nan", b"1e999", b'"', b"\n")),
    "formula": Target(
        _formula, lambda: FORMULAS, (b"(", b")", b"if(", b"^", b"-", b"sum(", b"pi()")
    ),
    "sheet-formula": Target(
        _sheet_formula, lambda: SHEET_FORMULAS, (b"SUM(", b":", b"!", b"$A$1", b'"', b"{", b"%")
    ),
    "csv": Target(
        _csv, lambda: TABLES, (b'"', b",", b";", b"\n", b"=1+1", b"1e999", b"\xef\xbb\xbf")
    ),
    "number": Target(
        _number, lambda: NUMBERS, (b"e", b"E-", b"x10^", b"_", "٣".encode(), b"\xc2\xa0")
    ),
    "workbook": Target(_workbook, _parts, (b"<!DOCTYPE", b'r="A1"', b"</c>", b't="s"', b"&#0;")),
    "zip": Target(_zip, _books),
    "own-workbook": Target(
        _own_workbook, _own_parts, (b'r="A1"', b't="shared"', b"<f>", b"T[[#All],")
    ),
    "ods": Target(
        _ods, _ods_contents, (b"of:=", b"[.A1]", b'-repeated="999999"', b"<table:table>")
    ),
    "roster": Target(
        _roster, lambda: ROSTERS, (b'"', b",", b";", b"\r", b"\xff\xfe", b"ID", b"sep=;")
    ),
    "hand-in": Target(_handin, _handins, (b",", b"=1+1", b"PK\x03\x04", b"e-3", b"\xe2\x88\x92")),
    "model": Target(_model, _models, (b"Gemm", b"Tanh", b"\x93NUMPY", b'"F64"', b"PK\x01\x02")),
    "parquet": Target(_parquet, _parquets, (b"PAR1", b"bpsheet.experiment", b"bpsheet.keep")),
}


def accepted(target: Target, data: bytes) -> bool:
    """Whether the reader takes an input. Whatever it raises but its own exceptions goes on."""
    from bpsheet.errors import BpsheetError

    try:
        target.call(data)
    except BpsheetError:
        return False
    return True


def mutated(draw: random.Random, seeds: Sequence[bytes], words: Sequence[bytes]) -> bytes:
    """A seed with some of its bytes changed, moved, repeated, gone, or from another seed."""
    data = bytearray(draw.choice(seeds))
    for _ in range(draw.choice((1, 1, 2, 4, 8))):
        at = draw.randrange(len(data) + 1)
        end = min(len(data), at + draw.choice((1, 1, 4, 16, 64)))
        match draw.randrange(6):
            case 0:
                data[at:end] = b""
            case 1:
                data[at:at] = data[at:end] * draw.choice((1, 2, 50))
            case 2:
                data[at:end] = draw.randbytes(end - at)
            case 3:
                other = draw.choice(seeds)
                begin = draw.randrange(len(other) + 1)
                data[at:end] = other[begin : begin + draw.choice((4, 32, 256))]
            case 4 if words:
                data[at:at] = draw.choice(words)
            case _:
                data[at:end] = draw.choice((b"-", b"0", b"9" * 30, b".", b" ", b"\x00", b"\xff"))
    return bytes(data)


def _guided(name: str) -> None:
    """Fuzz in this process; libFuzzer ends it."""
    import atheris

    target = TARGETS[name]
    with atheris.instrument_imports(include=["bpsheet"]):
        # Readers import what they need when they are called: each seed is read once for that.
        for seed in target.seeds():
            accepted(target, seed)
    resource.setrlimit(resource.RLIMIT_AS, (4 * MEGABYTES * 1_000_000,) * 2)
    atheris.Setup(sys.argv, lambda data: accepted(target, data) and None)
    atheris.Fuzz()


def _run(name: str, count: int) -> int:
    """Fuzz one reader in a process of its own, from its seeds."""
    with tempfile.TemporaryDirectory(prefix="bpsheet-corpus-") as folder:
        for number, seed in enumerate(TARGETS[name].seeds()):
            (Path(folder) / f"seed-{number}").write_bytes(seed)
        words = "".join(f'"{_escaped(word)}"\n' for word in TARGETS[name].words)
        (listed := Path(folder).with_suffix(".dict")).write_text(words)
        found = f"-artifact_prefix={ROOT / 'outputs' / f'fuzz-{name}-'}"
        options = [f"-runs={count}", "-max_len=20000", f"-timeout={SECONDS}"]
        # The fuzzer refuses a dictionary without words.
        options += [f"-dict={listed}"] if words else []
        options += [f"-rss_limit_mb={MEGABYTES}", "-print_final_stats=1", found, folder]
        command = [sys.executable, "-m", "tests.fuzz", "--guided", name]
        try:
            return subprocess.run([*command, *options], cwd=ROOT, check=False).returncode
        finally:
            listed.unlink()


def _escaped(word: bytes) -> str:
    return "".join(f"\\x{byte:02x}" for byte in word)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("readers", nargs="*", metavar="READER", help=", ".join(TARGETS))
    parser.add_argument("--count", type=int, default=100_000, help="inputs for each")
    chosen = parser.parse_args()
    unknown = set(chosen.readers) - set(TARGETS)
    if unknown:
        parser.error(f"no reader {min(unknown)}; known are {', '.join(TARGETS)}")
    failed = [name for name in chosen.readers or TARGETS if _run(name, chosen.count)]
    print(f"failed: {', '.join(failed)}" if failed else "nothing was found")
    sys.exit(bool(failed))


if __name__ == "__main__":
    if sys.argv[1:2] == ["--guided"]:
        chosen_name = sys.argv.pop(2)
        sys.argv.pop(1)
        _guided(chosen_name)
    else:
        main()
