"""sinh, cosh and erf: each a row of the table, and everything else follows."""

from __future__ import annotations

import math

import pytest

import bpsheet as bp
from tests.helpers.browser import numbers_of

FUNCTIONS = ("sinh", "cosh", "erf")


def trained(activation):
    return bp.Experiment(
        network={
            "inputs": ["x1", "x2"],
            "targets": ["y"],
            "loss": "half_squared_error",
            "layers": [
                {
                    "neurons": ["g"],
                    "activation": activation,
                    "weights": [[0.5, -0.25]],
                    "bias": [0.1],
                },
                {"neurons": ["f"], "activation": "linear", "weights": [[0.75]], "bias": [-0.2]},
            ],
        },
        data={"examples": [[0.6, -0.4, 0.3], [-1.1, 0.2, 0.7]]},
        training={"iterations": 20, "learning_rate": 0.1},
    ).run()


@pytest.mark.slow
@pytest.mark.parametrize("name", FUNCTIONS)
def test_an_activation_of_it_is_trained_checked_and_recalculated(name, tmp_path):
    trace = trained(f"{name}(z)")
    z, g = trace.frame.loc[1, ["z_g", "g"]]
    assert g == getattr(math, name)(z)
    assert trace.check_gradient(3, "complex").passed
    assert trace.check_gradient(3, "central").passed
    path = trace.to_excel(tmp_path / "run.xlsx")
    assert bp.verify(path).passed


@pytest.mark.slow
@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.usefixtures("libreoffice")
def test_libreoffice_computes_it_to_the_last_digits(name, tmp_path):
    path = trained(f"{name}(z)").to_excel(tmp_path / "run.xlsx")
    assert bp.verify(path, "libreoffice").passed


@pytest.mark.parametrize(
    ("name", "latex"),
    [("sinh", r"\sinh\left(z"), ("cosh", r"\cosh\left(z"), ("erf", r"\operatorname{erf}\left(z")],
)
def test_it_is_explained(name, latex):
    explained = trained(f"{name}(z)").explain(1)
    assert f"{name}(z_g)" in explained.text()
    assert latex in explained.latex()
    assert f"<mi>{name}</mi>" in explained.html()


@pytest.mark.slow
@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_page_has_it(name, tmp_path, opened):
    path = trained(f"{name}(z)").experiment.to_page(tmp_path / "page.html", rules=False)
    numbers = numbers_of(opened(path), 20)
    assert numbers == pytest.approx(trained(f"{name}(z)").values, rel=1e-12)
