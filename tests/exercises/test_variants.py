"""Numbers of each student's own."""

from __future__ import annotations

import pytest

import bpsheet as bp
from bpsheet.exercises.exercise import Exercise
from bpsheet.program.kinds import Role
from tests.helpers.exercises import BOTH, printed, two_neurons
from tests.helpers.samples import small_templates, spread


@pytest.mark.sample(3)
@pytest.mark.parametrize("name", spread([n for n in small_templates() if n != "exploding"], 5))
def test_numbers_are_short_and_no_neuron_is_saturated(name):
    task = Exercise(bp.load(name), vary=BOTH, seed=2).task("Ada")
    program = task.trace.program
    targets = {column.name for column in program if column.role is Role.TARGET}
    for line in task.lines:
        if isinstance(line.value, float) and line.iteration == 1 and line.name not in targets:
            assert len(f"{line.value:g}".strip("-0.").replace(".", "")) <= 2, line
    for column in program:
        value = abs(task.trace.values[0, program.position[column.name]])
        if column.role is Role.OUTPUT_DERIVATIVE:
            assert value >= 0.04
        if column.role is Role.ERROR:
            assert value >= 0.001


def test_numbers_differ_between_students_and_seeds_and_stay_for_the_same():
    ada = printed(two_neurons(vary=BOTH).task("Ada"))
    assert printed(two_neurons(vary=BOTH).task("Ada")) == ada
    assert printed(two_neurons(vary=BOTH).task("Bob")) != ada
    assert printed(two_neurons(vary=BOTH, seed=1).task("Ada")) != ada


def test_only_what_is_named_is_varied():
    base = printed(two_neurons().task())
    weights = printed(two_neurons(vary=("weights",)).task("Ada"))
    assert {n: weights[n] for n in ("x1", "x2", "y", "lr")} == {
        n: base[n] for n in ("x1", "x2", "y", "lr")
    }
    data = printed(two_neurons(vary=("data",)).task("Ada"))
    assert data["w_xg0"] == base["w_xg0"]
    assert data["x1"] != base["x1"]


@pytest.mark.slow
def test_where_no_nice_numbers_are_found_it_says_so():
    """An input of a thousand saturates tanh whatever its weight is."""
    large = bp.load("two-neuron").changed({"x1[1]": 1000.0})
    with pytest.raises(bp.ExperimentError, match="saturate a neuron or give a gradient of zero"):
        Exercise(large, vary=("weights",)).task("Ada")


def starts(name: str, **options) -> list[tuple[int | None, int | None]]:
    exercise = Exercise(bp.load(name), **options)
    return [(t.start.example, t.start.iteration) for t in map(exercise.task, "ABCDEFGH")]


@pytest.mark.slow
def test_inputs_that_are_codes_give_another_example_each_and_none_that_is_trivial():
    """The inputs are 0 and 1, and those of example 1 are all 0."""
    examples = {example for example, _ in starts("n-samples", vary=("data",))}
    assert len(examples) > 1
    assert examples <= {2, 3, 4}
    task = Exercise(bp.load("n-samples"), vary=("data",)).task("A")
    example = task.start.example
    assert example is not None
    assert task.trace.frame.loc[1, "x_1"] == bp.load("n-samples").ordered_examples()[example - 1][0]
    assert printed(task)["example"] == example


def test_a_sheet_begins_with_an_example_that_tells_something():
    exercise = Exercise(bp.load("n-samples"))
    assert exercise.task().start.example == 2
    assert exercise.remark == "The sheet is on example 2, as all inputs of the first one are 0."
    chosen = Exercise(bp.load("n-samples"), example=1)
    assert chosen.task().start.example == 1
    assert chosen.remark.startswith("All inputs of example 1 are 0")
    assert not two_neurons().remark


@pytest.mark.parametrize("iteration", [2, 7])
def test_the_first_weights_are_those_of_an_iteration_rounded(iteration):
    """Its example comes with them; what follows is computed from the printed numbers."""
    experiment = bp.load("book-xor")
    task = Exercise(experiment, iteration=iteration).task()
    row = experiment.run(iteration).frame.loc[iteration]
    given = printed(task)
    for weight in experiment.model.weights:
        assert given[weight] == float(f"{row[weight]:.3g}")
        assert task.trace.frame.loc[1, weight] == given[weight]
    assert given["iteration"] == iteration
    assert [task.trace.frame.loc[1, name] for name in ("x1", "x2", "y")] == [
        row[name] for name in ("x1", "x2", "y")
    ]


def test_iterations_differ_between_students_on_request():
    found = starts("book-xor", vary=("iteration",), seed=1)
    assert len({iteration for _, iteration in found}) > 4


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"example": 5}, "example: 1 to 4 expected; got 5"),
        ({"iteration": 0}, "iteration: 1 to 1000 expected"),
        (
            {"vary": ("data",), "example": 2},
            "data cannot vary: the inputs are codes .* on example 2",
        ),
        ({"vary": ("inputs",)}, "known are weights, data, example, iteration"),
    ],
)
def test_choices_that_do_not_fit_are_refused(options, said):
    with pytest.raises(bp.ExperimentError, match=said):
        Exercise(bp.load("book-xor"), **options)


def test_one_example_cannot_vary():
    with pytest.raises(bp.ExperimentError, match="example cannot vary: there is one example"):
        two_neurons(vary=("example",))


@pytest.mark.slow
@pytest.mark.parametrize(
    "options", [("--example", "3"), ("--iteration", "5"), ("--set", "learning_rate=0.3")]
)
def test_choices_of_the_sheet_are_marked_alike_with_the_same_choices(tmp_path, command, options):
    """What the sheet is on stands in its identity; --set changes the experiment, which the key keeps."""
    (tmp_path / "roster.csv").write_text("Ada\nBob\n", encoding="utf-8")
    arguments = ("exercise", "book-xor", "-o", str(tmp_path / "out"), *options)
    status, out, err = command(*arguments, "--students", str(tmp_path / "roster.csv"))
    assert status == 0, err
    table = ("-o", str(tmp_path / "g.csv"))
    assert command("grade", str(tmp_path / "out"), str(tmp_path / "out-key"), *table)[0] == 0
    changes = options if options[0] == "--set" else ()
    assert command("grade", str(tmp_path / "out"), "book-xor", *changes, *table)[0] == 0
    if changes:
        status, out, _ = command("grade", str(tmp_path / "out"), "book-xor", *table)
        assert status == 1
        assert "from another exercise" in out


@pytest.mark.slow
def test_so_few_different_sheets_are_said(tmp_path, command):
    (tmp_path / "roster.csv").write_text("\n".join("ABCDEFGH"), encoding="utf-8")
    arguments = ("exercise", "n-samples", "-o", str(tmp_path / "out"), "--vary", "data")
    _, out, _ = command(*arguments, "--students", str(tmp_path / "roster.csv"))
    assert "sets of numbers for them" in out
