"""A name that is not known is answered with the names that are nearest to it, wherever it stands."""

import pytest

import bpsheet as bp
from bpsheet.exercises.exercise import Exercise
from bpsheet.sheets.book import Book, Sheet
from bpsheet.verifying.engines import engine_of
from bpsheet.words import MOST_STRANGERS, nearest, strangers


@pytest.fixture(scope="module")
def run():
    return bp.load("two-neuron").run(1)


def imported(orientation):
    return bp.from_arrays({"W1": [[1.0]]}, activations=["tanh"], orientation=orientation)


@pytest.mark.parametrize(
    ("asked", "near"),
    [
        (lambda run: run.explain(1, only=["delta_w_xg"]), "delta_w_xg0.*delta_w_xg1.*delta_w_xg2"),
        (lambda run: run.experiment.changed({"w_xg9": 1.0}), 'w_xg0", "w_xg1" or "w_xg2"'),
        (lambda run: run.check_gradient(1, method="compex"), "complex"),
        (lambda run: run.to_excel("never.xlsx", layout="matix"), "matrix"),
        (lambda run: Exercise(run.experiment, vary=("weigts",)), "weights"),
        (lambda _: engine_of("ironclc"), "ironcalc"),
        (lambda _: imported({"w_1": "weight"}), "W1"),
        (lambda _: Book({"model": Sheet("Model")}).sheet("Modle"), "Model"),
    ],
)
def test_the_nearest_names_are_offered(run, asked, near):
    with pytest.raises(bp.BpsheetError, match=f'did you mean "?{near}'):
        asked(run)


def test_equally_near_names_are_offered_together_and_no_others():
    assert nearest("w_9", ["weight", "w_2", "w_1"]) == 'did you mean "w_2" or "w_1"?'


def test_unknown_values_beside_known_ones_say_which_names_are_near(run):
    [note] = run.compare({"g": "-0.24", "f_eror": "0.5", "my note": "1"}).notes
    assert note.endswith(': f_eror (did you mean "f_error"?), my note')
    notes = run.compare({"W1": [[0.1, 0.2]], "dW_1": [[0.0, 0.0]], "lss": 1.0}).notes
    assert notes[-1].endswith(': lss (did you mean "loss"?)')


def test_of_many_unknown_names_the_rest_is_counted():
    """Each name is compared with all known ones, which takes long for thousands of both."""
    assert strangers([f"?{n}" for n in range(MOST_STRANGERS + 1_234)], []).endswith("1,234 more")
    with pytest.raises(bp.HandError) as caught:
        bp.load("one-weight").run(1).compare({f"?{n}": "1" for n in range(2_000)})
    assert len(caught.value.problems) == 11
    assert caught.value.problems[-1] == "and 1,990 more unknown names"


def test_the_command_line_offers_the_nearest_choice(command):
    _, _, err = command("run", "two-neuron", "--sheet", "diagam")
    assert 'Did you mean "diagram"?' in err
