"""The base class of an experiment file's tables.

A table is a class and its keys are fields, with their types and defaults. The classes check single
values; `bpsheet.plan.checks` checks whether the values fit together. A table cannot be changed once
it exists, and every problem with its values raises ExperimentError. The tables are public:
`bp.Layer(neurons=["g"], activation="tanh")`.

A field has the type that the table stores. The `__init__` of a table, which only type checkers and
editors read, has the types that it accepts: a matrix may be an array or a tensor, and is stored as
lists of floats.
"""

from __future__ import annotations

import inspect
import re
import reprlib
import textwrap
from typing import TYPE_CHECKING, Any, Literal, Self, get_args, get_origin

from pydantic import BaseModel, ConfigDict
from pydantic import ValidationError as PydanticError
from pydantic.fields import FieldInfo

from bpsheet.errors import ExperimentError, Problem
from bpsheet.tables.problems import translate
from bpsheet.words import nearest

__all__ = ["Spec", "without_examples"]

WIDTH = 96
# How a table is printed: long lists and texts are cut short.
BRIEF = reprlib.Repr()
BRIEF.maxlist = BRIEF.maxtuple = BRIEF.maxdict = 6
BRIEF.maxstring, BRIEF.maxother = 80, 600
FIELDS = "Fields, each with its default:"


def without_examples(schema: dict[str, Any]) -> None:
    """Cut a table's description in the JSON schema to the docstring's text before code and fields."""
    description = schema.get("description", "")
    schema["description"] = re.split(f">>>|{FIELDS}", description)[0].strip()


class Spec(BaseModel):  # noqa: PLW1641 (pydantic makes the hash)
    """A table of the experiment file. Unknown keys are refused; nothing is converted silently."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, json_schema_extra=without_examples, defer_build=True
    )

    def __init__(self, **values: Any) -> None:
        try:
            super().__init__(**values)
        except PydanticError as error:
            raise ExperimentError(translate(error, type(self)), type(self).__name__) from None

    # Without this mark pydantic would call __init__ for nested tables too, one at a time,
    # and a file's problems could not be collected into one list.
    __init__.__pydantic_base_init__ = True  # type: ignore[attr-defined]

    @classmethod
    def __pydantic_init_subclass__(cls, **settings: Any) -> None:
        """Let `help` say what each field means, and which arguments the class takes."""
        super().__pydantic_init_subclass__(**settings)
        described = "\n".join(_described(name, field) for name, field in cls.model_fields.items())
        cls.__doc__ = f"{inspect.cleandoc(cls.__doc__ or '')}\n\n{FIELDS}\n\n{described}\n"
        cls.__signature__ = _Signature()  # type: ignore[assignment]

    # A type checker that saw these methods would take every name for a field.
    if not TYPE_CHECKING:

        def __setattr__(self, name: str, value: Any) -> None:
            if not name.startswith("_"):
                raise self._fixed(name)
            super().__setattr__(name, value)

        def __delattr__(self, name: str) -> None:
            raise self._fixed(name)

    def _fixed(self, name: str) -> ExperimentError:
        """The error for an attempt to change a field."""
        fields = type(self).model_fields
        message = f"no such field; {nearest(name, fields)}"
        if name in fields:
            message = f"cannot be changed here; .replaced({name}=…) gives a copy with another value"
        return ExperimentError([Problem(name, message)], type(self).__name__)

    def replaced(self, **changes: Any) -> Self:
        """A copy with some values changed. It is checked like any new table."""
        values = {name: getattr(self, name) for name in self.model_fields_set}
        return type(self)(**(values | changes))

    def __eq__(self, other: object) -> bool:
        """Whether all values are the same. The file that they come from does not count."""
        if type(other) is not type(self):
            return NotImplemented
        return all(getattr(self, name) == getattr(other, name) for name in type(self).model_fields)

    def __repr__(self) -> str:
        given = [name for name in type(self).model_fields if name in self.model_fields_set]
        arguments = [f"{name}={BRIEF.repr(getattr(self, name))}" for name in given]
        return f"{type(self).__name__}({', '.join(arguments)})"

    def __str__(self) -> str:
        return repr(self)


class _Made:
    """A table with nothing in it, as a signature shows it."""

    def __init__(self, table: type[Spec]) -> None:
        self.table = table

    def __repr__(self) -> str:
        return f"{self.table.__name__}()"


class _Signature:
    """The arguments that a table takes, put together when somebody reads them: no command does."""

    def __get__(self, instance: Spec | None, owner: type[Spec]) -> inspect.Signature:
        return inspect.Signature(
            [
                inspect.Parameter(
                    name,
                    inspect.Parameter.KEYWORD_ONLY,
                    default=inspect.Parameter.empty if field.is_required() else _default_of(field),
                )
                for name, field in owner.model_fields.items()
            ]
        )


def _default_of(field: FieldInfo) -> Any:
    """What a field is without a value, to be read. To make a table would build its checks for that."""
    factory: Any = field.default_factory
    if isinstance(factory, type) and issubclass(factory, Spec):
        return _Made(factory)
    # pydantic's own way looks up the factory's arguments, which none has, and that takes long.
    return field.default if factory is None else factory()


def _described(name: str, field: FieldInfo) -> str:
    """A field, its default and its meaning, as lines of a docstring."""
    head = f"{name} (needed)" if field.is_required() else f"{name} = {_default_of(field)!r}"
    text = field.description or ""
    if get_origin(field.annotation) is Literal:
        text = f"One of {', '.join(map(repr, get_args(field.annotation)))}. {text}"
    return f"{head}\n{textwrap.indent(textwrap.fill(text, WIDTH - 4), '    ')}"
