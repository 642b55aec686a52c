"""The commands explain and derive."""

from __future__ import annotations

import pytest

import bpsheet as bp
from bpsheet.explain import derive
from bpsheet.files.seals import sealed
from tests.helpers.documents import FORMATS


@pytest.mark.parametrize("form", FORMATS)
def test_explain_prints_what_the_trace_explains(command, traced, form):
    status, out, _ = command("explain", "two-neuron", "--iteration", "3", "--format", form)
    assert status == 0
    detail = "short" if form in ("html", "latex") else "full"
    assert out == getattr(traced("two-neuron").explain(3, detail=detail), form)()


@pytest.mark.parametrize(
    ("arguments", "only", "detail"),
    [
        (("--detail", "full"), None, "full"),
        (("--only", "forward,update"), ["forward", "update"], "short"),
        (("--only", "g,f"), ["g", "f"], "full"),
        (("--only", "g", "--detail", "short"), ["g"], "short"),
    ],
)
def test_a_page_is_short_where_no_single_quantity_is_asked_for(
    command, traced, arguments, only, detail
):
    _, out, _ = command("explain", "two-neuron", "--format", "html", *arguments)
    assert out == traced("two-neuron").explain(1, only, detail=detail).html()


@pytest.mark.parametrize("form", FORMATS)
def test_derive_prints_the_gradient(command, form):
    status, out, _ = command("derive", "one-weight", "--format", form)
    assert status == 0
    assert out == getattr(derive(bp.load("one-weight")), form)()


def test_only_digits_and_set(command):
    arguments = ("--only", "g, g_error", "--digits", "2", "--set", "w_xg1=0.5")
    status, out, _ = command("explain", "two-neuron", *arguments)
    assert status == 0
    assert "= -0.16\n" in out
    assert "z_f =" not in out


def test_an_iteration_beyond_the_run_extends_it(command):
    status, out, _ = command("explain", "one-weight", "--iteration", "15", "--only", "Y")
    assert status == 0
    assert "Iteration 15 (epoch 15)" in out


def test_a_file_is_written_whole(command, tmp_path):
    path = tmp_path / "solution.html"
    status, out, _ = command("explain", "two-neuron", "--format", "html", "-o", str(path))
    assert status == 0
    assert out == f"Wrote {path}.\n"
    made = bp.load("two-neuron").run(1).explain(1, detail="short").html()
    assert path.read_text("utf-8") == sealed(made, "html")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("two-neuron", "--only", "g_eror"), 'did you mean "g_error"?'),
        (("two-neuron", "--only", ","), "at least one name expected"),
        (("two-neuron", "--set", "w_xg1"), "NAME=VALUE expected"),
        (("two-nueron",), 'did you mean "two-neuron"?'),
        (("two-neuron", "--digits", "99"), "99 is not in the range"),
        (("two-neuron", "--iteration", "0"), "0 is not in the range"),
    ],
)
def test_refusals_have_exit_status_2(command, arguments, said):
    status, out, err = command("explain", *arguments)
    assert status == 2
    assert out == ""
    assert said in err


@pytest.mark.parametrize("name", ["explain", "derive"])
def test_help_has_an_example(command, name):
    status, out, _ = command(name, "--help")
    assert status == 0
    assert f"bpsheet {name} two-neuron" in out
