"""The order of the package: which module may know which, and what `import bpsheet` costs."""

from __future__ import annotations

import ast
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

import bpsheet

ROOT = Path(bpsheet.__file__).parent


def module_name(path):
    parts = path.relative_to(ROOT.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {module_name(path): path for path in sorted(ROOT.rglob("*.py"))}


def is_for_types_only(node):
    return isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)


def statements(body, *, inside):
    """The import statements; those inside functions, which run later, where asked for."""
    for node in body:
        if isinstance(node, ast.Import | ast.ImportFrom):
            yield node
        elif is_for_types_only(node):
            yield from statements(node.orelse, inside=inside)
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            if inside:
                yield from statements(node.body, inside=inside)
        else:
            for part in ("body", "orelse", "finalbody"):
                yield from statements(getattr(node, part, []), inside=inside)
            for handler in getattr(node, "handlers", []):
                yield from statements(handler.body, inside=inside)


@cache
def imports(module, *, inside=False):
    """The modules that a module imports: of this package by their full names, others too."""
    found = set()
    tree = ast.parse(MODULES[module].read_text(encoding="utf-8"))
    for node in statements(tree.body, inside=inside):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
            continue
        assert node.level == 0, f"{module}: a relative import"
        names = {f"{node.module}.{alias.name}" for alias in node.names}
        found |= {name if name in MODULES else node.module for name in names}
    return found


@cache
def reached(module):
    """Everything that is imported when the module is, ours and others'."""
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
    assert {"bpsheet", "bpsheet.formula.tree", "bpsheet.printers.excel", "bpsheet.runs.run"} <= set(
        MODULES
    )
    assert "bpsheet.errors" in imports("bpsheet.formula.tree")
    assert "pandas" in imports("bpsheet.runs.run", inside=True)
    assert "bpsheet.workbook" not in imports("bpsheet.runs.run")
    assert "bpsheet.workbook" in imports("bpsheet.runs.run", inside=True)


def test_errors_and_the_tree_are_at_the_bottom():
    assert ours(imports("bpsheet.errors", inside=True)) == set()
    assert ours(imports("bpsheet.formula.tree", inside=True)) == {"bpsheet.errors"}


@pytest.mark.parametrize("module", [name for name in MODULES if name != "bpsheet"])
def test_imports_run_one_way(module):
    """No module imports one that imports it."""
    assert module not in reached(module)


CORE = ["errors", "expr", "parse", "functions", "program", "autodiff", "evaluate", "engine"]
PRINTERS = [name for name in MODULES if name.startswith("bpsheet.printers")]


@pytest.mark.parametrize("module", [*(f"bpsheet.{name}" for name in CORE), *PRINTERS])
def test_what_computes_knows_no_tables_and_no_files(module):
    """No pandas, no pydantic and no workbook; printers.excel takes a column's letters only."""
    found = reached(module) | imports(module, inside=True)
    assert not uses(found, "pandas")
    assert not uses(found, "pydantic")
    assert not uses(found, "bpsheet.workbook")
    allowed = {"openpyxl.utils.cell"} if module == "bpsheet.printers.excel" else set()
    assert uses(found, "openpyxl") <= allowed


@pytest.mark.parametrize("module", ["errors", "expr", "parse", "functions", "program", "autodiff"])
def test_the_foundation_needs_nothing_but_python(module):
    others = {name.split(".")[0] for name in reached(f"bpsheet.{module}")} - {"bpsheet"}
    assert others <= set(sys.stdlib_module_names)


@pytest.mark.parametrize("module", ["engine", "trace"])
def test_running_does_not_need_openpyxl(module):
    assert not uses(reached(f"bpsheet.{module}"), "openpyxl")
    assert not uses(imports(f"bpsheet.{module}", inside=True), "openpyxl")


def test_an_experiment_is_read_and_checked_without_pandas_and_openpyxl():
    found = reached("bpsheet.plan.reader")
    assert "bpsheet.plan.plan" in found
    assert not uses(found, "pandas")
    assert not uses(found, "openpyxl")


ABOVE = (
    "bpsheet.cli",
    "bpsheet.exercises.filled",
    "bpsheet.exercises.fillin",
    "bpsheet.exercises.grade",
    "bpsheet.exercises.handout",
    "bpsheet.health",
    "bpsheet.commands.terminal",
    "bpsheet.verifying",
    "bpsheet.workbook",
)


def test_workbooks_are_above_what_they_show_and_verification_above_them():
    for module in MODULES:
        found = reached(module)
        if not any(uses({module}, part) for part in ABOVE):
            assert not any(uses(found, part) for part in ABOVE), module
        if uses({module}, "bpsheet.workbook"):
            assert not uses(found, "bpsheet.verifying"), module


def test_nothing_imports_the_command_line():
    for module in MODULES:
        assert "bpsheet.cli" not in imports(module, inside=True)


def loaded_by(statement):
    """The modules that are loaded when a fresh Python runs a statement."""
    code = f"import sys\n{statement}\nprint(' '.join(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


HEAVY = {"pandas", "openpyxl", "pydantic", "numpy", "matplotlib", "ironcalc", "rich", "pyarrow"}


def test_importing_the_package_imports_nothing_heavy():
    assert not HEAVY & loaded_by("import bpsheet")


def test_reading_an_experiment_imports_neither_pandas_nor_openpyxl():
    loaded = loaded_by("import bpsheet; bpsheet.load('two-neuron').columns")
    assert "pydantic" in loaded
    assert not {"pandas", "openpyxl", "ironcalc", "rich"} & loaded


def test_running_one_imports_pandas_for_its_frames_and_no_openpyxl():
    run = "import bpsheet; trace = bpsheet.load('two-neuron').run(iterations=2)"
    assert "pandas" not in loaded_by(f"{run}; str(trace.health())")
    loaded = loaded_by(f"{run}; trace.frame")
    assert "pandas" in loaded
    assert not {"openpyxl", "ironcalc", "matplotlib"} & loaded


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


def test_every_module_says_what_it_offers():
    """`__all__` names things that exist, and a docstring says what the module is for."""
    import importlib

    for module, path in MODULES.items():
        assert ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))), module
        loaded = importlib.import_module(module)
        for name in getattr(loaded, "__all__", []):
            assert hasattr(loaded, name), f"{module}.{name}"


def test_no_module_hides_a_public_name():
    """`import bpsheet.sweeps.sweep` sets the attribute `sweeps`; a module `sweep` would replace bp.sweep."""
    submodules = {name.split(".")[1] for name in MODULES if "." in name}
    assert not submodules & set(bpsheet.__all__)
