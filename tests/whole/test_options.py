"""Messages of the library name arguments; the command line puts its options in their place."""

import ast
import re

import pytest

from tests.helpers.modules import MODULES, room_of

COMMAND_LINE = ("cli", "commands", "terminal")
# Options of LibreOffice and of browsers, which start them.
OTHERS = ("bpsheet.verifying.engines", "bpsheet.outside.office", "bpsheet.outside.browser")
OPTION = re.compile(r"--[a-z]")


def texts(module):
    """Every text in a module that is not a docstring."""
    tree = ast.parse(MODULES[module].read_text(encoding="utf-8"))
    documented = (ast.Module, ast.ClassDef, ast.FunctionDef)
    docstrings = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, documented) and node.body and isinstance(node.body[0], ast.Expr)
    }
    for node in ast.walk(tree):
        is_text = isinstance(node, ast.Constant) and isinstance(node.value, str)
        if is_text and id(node) not in docstrings:
            yield node.value


@pytest.mark.slow
def test_the_library_names_no_option_of_the_command_line():
    library = [n for n in MODULES if room_of(n) not in COMMAND_LINE and n not in OTHERS]
    assert "bpsheet.plan.plan" in library
    assert [(name, text) for name in library for text in texts(name) if OPTION.search(text)] == []


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("exercise two-neuron -o x.xlsx --digits 0", "  --digits: 1 to 10 expected; got 0"),
        ("exercise two-neuron -o x.xlsx --ask nothing", '  --ask: "nothing" cannot be asked'),
        ("run two-neuron --set w_xg9=1", '  --set w_xg9: no such number; did you mean "w_xg'),
        ("run two-neuron -o taken.csv", "or replace it with --force"),
    ],
)
def test_the_command_line_names_the_option(command, tmp_path, monkeypatch, arguments, message):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "taken.csv").write_text("precious\n")
    status, _, err = command(*arguments.split())
    assert status in (1, 2)
    assert message in err
