"""What each command says of itself, and how it refuses wrong arguments."""

from __future__ import annotations

import re

import pytest

import bpsheet as bp
from tests.helpers.commands import files

COMMANDS = ("list", "new", "run", "show", "health", "verify", "schema")


@pytest.mark.parametrize("name", COMMANDS)
def test_help_of_each_command_has_an_example(command, name):
    status, out, _ = command(name, "--help")
    assert status == 0
    example = out[out.index("Example") :]
    assert f"bpsheet {name}" in example


def test_help_lists_the_commands_with_an_example(command):
    status, out, _ = command("--help")
    assert status == 0
    assert all(re.search(rf"^  {name} ", out, re.MULTILINE) for name in COMMANDS)
    assert "bpsheet run two-neuron" in out


def test_version(command):
    status, out, _ = command("--version")
    assert status == 0
    assert out.endswith(f"bpsheet, version {bp.__version__}\n")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["rum", "two-neuron"], "No such command 'rum'"),
        (["run"], "Missing argument 'SPEC'"),
        (
            ["run", "two-neuron", "--layout", "wide"],
            "'wide' is not one of 'full', 'book', 'matrix'",
        ),
        (["run", "two-neuron", "--iterations", "0"], "0 is not in the range x>=1"),
        (["show", "two-neuron", "--iteration", "x"], "'x' is not a valid integer"),
        (["verify", "x.xlsx", "--engine", "excel"], "is not one of 'ironcalc', 'libreoffice'"),
    ],
)
def test_wrong_arguments_end_with_status_2(command, folder, arguments, said):
    status, out, err = command(*arguments)
    assert (status, out) == (2, "")
    assert said in err
    assert files(folder) == []
