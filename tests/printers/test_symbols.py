"""Names of columns are read as symbols: one reading for LaTeX and MathML."""

import pytest

from bpsheet.printers.symbols import Applied, Change, Derivative, Letter, Staged, read_name


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("w_xg1", Letter("w", ("xg1",))),
        ("f'", Letter("f", primes=1)),
        ("x1", Letter("x1")),
        ("x1_2", Letter("x", ("1", "2"))),
        ("alpha1", Letter("alpha", ("1",))),
        ("m_hat_w_1", Letter("m", ("w", "1"), hat=True)),
        ("m_hat_C(1)", Applied(Letter("m", ("C",), hat=True), Letter("1"), 0)),
        ("C(1)", Applied(Letter("C"), Letter("1"), 0)),
        ("delta_w", Change(Letter("w"))),
        ("dMSE / dw", Derivative(Letter("MSE"), Letter("w"))),
        ("sum_dMSE / dw", Staged("sum", Derivative(Letter("MSE"), Letter("w")))),
    ],
)
def test_a_name_is_read(name, parts):
    assert read_name(name) == parts
