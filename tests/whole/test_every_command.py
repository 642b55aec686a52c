"""Every command on every template: it does its work, or refuses for a reason that is listed here."""

import pytest

import bpsheet as bp
from bpsheet.cli import cli
from bpsheet.plan.templates import template_names
from bpsheet.program.kinds import Phase
from bpsheet.workbook.layout import full_layout
from tests.helpers.sentences import slips_of_language

# Of a network each command has tests of its own.
QUICK = ("formula",)
COMMANDS = (
    "new {name}",
    "run {name} --iterations 4 -o run.xlsx",
    "run {name} --iterations 4 --layout book -o book.xlsx",
    "run {name} --iterations 4 -o run.csv",
    "run {name} --iterations 4 --sheet gradient-check -o checked.xlsx",
    "run {name} --iterations 4 --sheet hessian -o curved.xlsx",
    "show run.xlsx --iteration 2",
    "verify run.xlsx",
    "explain {name}",
    "derive {name}",
    "health {name} --iterations 20",
    "check {name} run.csv",
    "exercise {name} -o class/anybody.xlsx",
    "grade class {name}",
    "gradcheck {name}",
    "hessian {name}",
    "operations {name}",
    "differentiate run.xlsx --loss Steps!{last}8 --parameters Steps!{typed}8 -o copy.xlsx",
    "sweep {name} --seeds 1:2 --set iterations=3 -o sweep.csv",
    "draw {name} -o network.svg",
    "animate {name} --iterations 4 --frames 2 -o network.gif",
    "page {name} --iterations 4 -o page.html",
)
NO_LOSS = "no loss"
NO_WEIGHTS = "there are no weights"
NO_CHANCE = "formulas have no random numbers"
# What a template cannot have, by the first words of a command or its sheet.
REFUSED = {
    "book-perceptron": {
        "gradient-check": NO_LOSS,
        "hessian": NO_LOSS,
        "gradcheck": NO_LOSS,
        "sweep": NO_LOSS,
    },
    "formula": {
        "hessian": NO_WEIGHTS,
        "sweep": NO_CHANCE,
    },
    "line-adam": {"sweep": NO_CHANCE},
    "digits": {
        "gradient-check": "2,410 weights, 500 at the most",
        "hessian": "2,410 weights",
        "exercise": "4,616 values would be asked",
        "grade class": "nothing to mark",
    },
}


def test_no_command_is_forgotten():
    on_no_experiment = {"list", "schema", "import", "app"}
    assert {line.split()[0] for line in COMMANDS} | on_no_experiment == set(cli.commands)


@pytest.mark.parametrize(
    "text",
    [
        "Wrote a.xlsx: 1 values to fill in.",
        "It is wrong . Look again.",
        "The loss of of the epoch.",
        "Right with your value of np.float64(0.1).",
        "The first mistake is None.",
        "One sentence.  Another one.",
        "The rule is odd..",
    ],
)
def test_a_slip_of_language_is_found(text):
    assert len(slips_of_language(text)) == 1


def test_help_has_no_slip_of_language(command):
    for name in ("", *cli.commands):
        assert slips_of_language(command(*name.split(), "--help")[1]) == [], name


def letters_of(name):
    """The columns of Steps that hold the end of the forward pass, and a number that is typed."""
    program = bp.load(name).program()
    ends = {"last": program.phase(Phase.FORWARD)[-1], "typed": program.leaves[0]}
    shown = full_layout(program, program.example_count).by_name
    return {key: shown[column.name].letter for key, column in ends.items()}


@pytest.mark.sample(1)
@pytest.mark.parametrize(
    "name",
    [
        name if name in QUICK else pytest.param(name, marks=pytest.mark.slow)
        for name in template_names()
    ],
)
def test_every_command_on_a_template(command, monkeypatch, tmp_path, name):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "class").mkdir()
    letters = letters_of(name)
    for line in COMMANDS:
        reason = next((why for word, why in REFUSED.get(name, {}).items() if word in line), None)
        status, out, err = command(*line.format(name=name, **letters).split())
        assert slips_of_language(out + err) == [], line
        if reason is None:
            assert (status, err) == (0, ""), line
            assert out
        else:
            # An empty folder is no wrong input, but nothing was done.
            assert status == (1 if "grade class" in line else 2), line
            assert reason in err
