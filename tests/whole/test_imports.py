"""The order of the package: which module may know which, and what `import bpsheet` costs."""

from __future__ import annotations

import ast
import subprocess
import sys
from functools import cache

import pytest

import bpsheet
from tests.helpers.modules import MODULES, ROOT, room_of

# The floors of the house, from the ground up. A room knows the rooms on the floors below its own.
FLOORS = (
    ("errors", "version", "elsewhere"),
    ("words",),
    ("files", "guard", "formula"),
    ("outside", "printers", "program", "textbook"),
    ("tables", "engine", "xlsx", "paper"),
    ("columns", "sheets"),
    ("plan",),
    ("runs",),
    ("explain", "gradients", "health", "hand", "models"),
    ("pictures",),
    ("workbook",),
    ("page", "exercises", "verifying", "sweeps"),
    ("api",),
    ("terminal", "app"),
    ("commands",),
    ("cli", "bpsheet"),
)
FLOOR_OF = {room: number for number, rooms in enumerate(FLOORS, start=1) for room in rooms}
# The rooms that are a single module, all of them in the root of the package.
MOST_IN_THE_ROOT = 8


def statements(block):
    """All statements of a module, those inside others too. An expression holds no import."""
    for node in ast.iter_child_nodes(block):
        if not isinstance(node, ast.expr):
            yield node
            yield from statements(node)


@cache
def imports(module):
    """The modules that a module imports, ours by their full names and others too: at its top,
    inside its functions, and for types alone.
    """
    found = set()
    for node in statements(ast.parse(MODULES[module].read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module}: a relative import"
            names = {f"{node.module}.{alias.name}" for alias in node.names}
            found |= {name if name in MODULES else node.module for name in names}
    return found


@cache
def reached(module):
    """Everything that is imported, sooner or later, because of a module: ours and others'."""
    found, waiting = set(), [module]
    while waiting:
        for name in imports(waiting.pop()):
            if name not in found:
                found.add(name)
                if name in MODULES:
                    waiting.append(name)
    return found


def ours(names):
    return {name for name in names if name.split(".")[0] == "bpsheet"}


def uses(names, library):
    return {name for name in names if name == library or name.startswith(f"{library}.")}


def test_the_walk_finds_the_modules_and_their_imports():
    """At the top, inside functions and for types alone: one of each kind."""
    assert {"bpsheet", "bpsheet.formula.tree", "bpsheet.printers.excel"} <= set(MODULES)
    assert "bpsheet.errors" in imports("bpsheet.formula.tree")
    assert "pandas" in imports("bpsheet.runs.run")
    assert "bpsheet.workbook.writing" in imports("bpsheet.api.experiment")
    assert "bpsheet.hand.report" in imports("bpsheet.api.readers")


def test_every_room_has_a_floor_and_every_floor_has_its_rooms():
    rooms = {room_of(module) for module in MODULES}
    assert rooms == set(FLOOR_OF)


def test_every_module_knows_its_own_room_and_the_floors_below():
    """Imports inside functions and for types count too."""
    wrong = [
        f"{module} imports {name}"
        for module in MODULES
        for name in ours(imports(module))
        if room_of(name) != room_of(module) and FLOOR_OF[room_of(name)] >= FLOOR_OF[room_of(module)]
    ]
    assert wrong == []


def test_no_import_goes_round_in_a_circle():
    assert [name for name in MODULES if name != "bpsheet" and name in reached(name)] == []


def test_few_modules_lie_in_the_root():
    assert sum(path.parent == ROOT for path in MODULES.values()) <= MOST_IN_THE_ROOT


PACKAGES = [name for name, path in MODULES.items() if path.name == "__init__.py"][1:]


def test_every_package_says_in_a_sentence_what_it_is_for():
    for package in PACKAGES:
        docstring = ast.get_docstring(ast.parse(MODULES[package].read_text(encoding="utf-8")))
        assert docstring, package
        assert docstring.split("\n\n")[0].endswith("."), package


def test_errors_and_the_tree_are_at_the_bottom():
    assert ours(imports("bpsheet.errors")) == set()
    assert ours(imports("bpsheet.formula.tree")) == {"bpsheet.errors"}


GROUND = ("errors", "version", "elsewhere", "words", "formula", "printers", "program", "textbook")


def test_the_foundation_needs_nothing_but_python_and_arrays():
    """Arrays of formulas are NumPy's. The excel printer takes a column's letters from openpyxl."""
    for module in [name for name in MODULES if room_of(name) in GROUND]:
        others = {name for name in reached(module) if name.split(".")[0] != "bpsheet"}
        foreign = {name for name in others if name.split(".")[0] not in sys.stdlib_module_names}
        beyond = {name for name in foreign if name.split(".")[0] != "numpy"}
        assert beyond <= {"openpyxl.utils.cell"}, module


COMPUTING = (*GROUND, "engine")


def test_what_computes_knows_no_tables_and_no_files():
    for module in [name for name in MODULES if room_of(name) in COMPUTING]:
        found = reached(module)
        assert not uses(found, "pandas"), module
        assert not uses(found, "pydantic"), module
        assert uses(found, "openpyxl") <= {"openpyxl.utils.cell"}, module


def test_an_experiment_is_read_and_checked_without_pandas_and_openpyxl():
    """Only the reader of data files knows openpyxl, for tables in workbooks."""
    found = reached("bpsheet.plan.reader")
    assert "bpsheet.plan.plan" in found
    assert not uses(found, "pandas")
    knowing = {
        name for name in ours(found) if uses(imports(name), "openpyxl") - {"openpyxl.utils.cell"}
    }
    assert knowing == {"bpsheet.tables.datafile"}


def test_nothing_imports_the_command_line():
    for module in MODULES:
        assert "bpsheet.cli" not in imports(module)


def loaded_by(statement):
    """The modules that are loaded when a fresh Python runs a statement."""
    code = f"import sys\n{statement}\nprint(' '.join(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


HEAVY = {"pandas", "openpyxl", "pydantic", "numpy", "matplotlib", "ironcalc", "rich", "pyarrow"}


def test_importing_the_package_imports_nothing_heavy():
    assert not HEAVY & loaded_by("import bpsheet")


def test_the_command_line_imports_nothing_heavy_before_a_command_is_given():
    loaded = loaded_by("import bpsheet.cli")
    assert "bpsheet.commands.run" in loaded
    assert not HEAVY & loaded


@pytest.mark.slow
def test_reading_an_experiment_imports_neither_pandas_nor_openpyxl():
    loaded = loaded_by("import bpsheet; bpsheet.load('two-neuron').columns")
    assert "pydantic" in loaded
    assert not {"pandas", "openpyxl", "ironcalc", "rich"} & loaded


@pytest.mark.slow
def test_running_one_imports_pandas_for_its_frames_and_no_openpyxl():
    run = "import bpsheet; trace = bpsheet.load('two-neuron').run(iterations=2)"
    assert "pandas" not in loaded_by(f"{run}; str(trace.health())")
    loaded = loaded_by(f"{run}; trace.frame")
    assert "pandas" in loaded
    assert not {"openpyxl", "ironcalc", "matplotlib"} & loaded


@pytest.mark.slow
def test_writing_a_workbook_needs_no_pandas(tmp_path):
    path = str(tmp_path / "run.xlsx")
    loaded = loaded_by(f"import bpsheet; bpsheet.load('two-neuron').run(2).to_excel({path!r})")
    assert "openpyxl" in loaded
    assert "pandas" not in loaded


def test_every_public_name_is_there_when_it_is_asked_for():
    for name in bpsheet.__all__:
        assert getattr(bpsheet, name) is not None
    assert set(dir(bpsheet)) >= set(bpsheet.__all__)
    with pytest.raises(AttributeError, match="has no attribute 'Netwrok'"):
        _ = bpsheet.Netwrok


@pytest.mark.slow
def test_every_module_says_what_it_offers():
    """`__all__` names things that exist, and a docstring says what the module is for."""
    import importlib

    for module, path in MODULES.items():
        assert ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))), module
        loaded = importlib.import_module(module)
        for name in getattr(loaded, "__all__", []):
            assert hasattr(loaded, name), f"{module}.{name}"


def test_no_module_hides_a_public_name():
    """`import bpsheet.sweeps` sets the attribute `sweeps`; a package `sweep` would replace bp.sweep."""
    submodules = {name.split(".")[1] for name in MODULES if "." in name}
    assert not submodules & set(bpsheet.__all__)
