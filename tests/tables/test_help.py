"""`help` of each table says what every field means."""

from __future__ import annotations

import pydoc

import pytest

from tests.docs.tables import KEYS


def in_one_line(text):
    return " ".join(text.split())


@pytest.mark.sample(11)
@pytest.mark.parametrize("table", KEYS.values(), ids=lambda table: table.__name__)
def test_help_has_each_field_with_its_meaning(table):
    printed = pydoc.render_doc(table, renderer=pydoc.plaintext).replace("\n |  ", "\n")
    for name, field in table.model_fields.items():
        after = printed.partition(f"\n{name} ")[2]
        assert in_one_line(field.description) in in_one_line(after[:2000]), name
