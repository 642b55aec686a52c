"""What the page asks for, call by call: a dictionary comes in, with files, and one goes out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Any

from bpsheet.app import form, making, marks
from bpsheet.app.preview import experiment_of, preview, problems_of
from bpsheet.app.sent import MOST_SENT, Upload
from bpsheet.app.shelf import Shelf
from bpsheet.app.uploads import store
from bpsheet.errors import BpsheetError, ExperimentError, InputError, OutputError
from bpsheet.exercises.banks.writing import BANKS
from bpsheet.plan.syntax import read_toml
from bpsheet.version import __version__

__all__ = ["Calls"]

HAND_GONE = "The values that were worked by hand belong to the network as it was before, and were taken out."
Asked = Mapping[str, Any]
Sent = Sequence[Upload]


@dataclass
class Calls:
    """The calls of the page. One is worked at a time: there is one user."""

    shelf: Shelf

    def __post_init__(self) -> None:
        self._lock = Lock()
        self._calls: dict[str, Callable[[Asked, Sent], dict[str, Any]]] = {
            "start": self._start,
            "template": self._template,
            "open": self._open,
            "check": self._check,
            "change": self._change,
            "make": self._make,
            "exercise": self._exercise,
            "mark": self._mark,
        }

    def answer(self, name: str, asked: Asked, sent: Sent) -> dict[str, Any] | None:
        """The answer to a call; None where there is no such call. Problems are answers, too."""
        call = self._calls.get(name)
        if call is None:
            return None
        with self._lock:
            try:
                return call(asked, sent)
            except BpsheetError as error:
                found = problems_of(error)
            except OSError as error:
                found = problems_of(OutputError(error.strerror or str(error)))
        root = str(self.shelf.root)
        return {"problems": [one | {"said": _without(one["said"], root)} for one in found]}

    def _start(self, _: Asked, __: Sent) -> dict[str, Any]:
        from bpsheet.plan.templates import template_names, template_path

        titles = {
            name: read_toml(template_path(name).read_text("utf-8"), name).get("title", "")
            for name in template_names()
        }
        return {
            "version": __version__,
            "templates": [{"name": name, "title": title} for name, title in titles.items()],
            "sections": [section.plain for section in form.sections()],
            "banks": list(BANKS),
            "most": MOST_SENT,
            **making.abilities(),
        }

    def _template(self, asked: Asked, _: Sent) -> dict[str, Any]:
        from bpsheet.api.opening import load
        from bpsheet.plan.templates import template_path

        name = str(asked.get("name", ""))
        template_path(name)
        return self._opened(load(name).text, name)

    def _open(self, _: Asked, sent: Sent) -> dict[str, Any]:
        """A file of the teacher's own: an experiment file with its data, or a workbook."""
        from bpsheet.api.opening import experiment_at

        paths = store(sent, self.shelf.folder() / "opened")
        if not paths:
            raise InputError("choose a file")
        path = next((one for one in paths if one.suffix.lower() == ".toml"), paths[0])
        try:
            experiment = experiment_at(path)
        except ExperimentError:
            if path.suffix.lower() != ".toml":
                raise
            from bpsheet.guard.text import read_text

            return self._opened(read_text(path), path.stem)
        said = [str(edit) for edit in experiment.edits]
        return self._opened(experiment.text, path.stem) | {"told": said}

    def _opened(self, text: str, name: str) -> dict[str, Any]:
        return {"text": text, "name": name, **preview(text, name)}

    def _check(self, asked: Asked, _: Sent) -> dict[str, Any]:
        return preview(_text(asked), _name(asked))

    def _change(self, asked: Asked, _: Sent) -> dict[str, Any]:
        """The text after a change in the form."""
        before = text = _text(asked)
        if "add" in asked:
            text = form.with_layer(text, int(asked["add"]))
        elif "remove" in asked:
            text = form.without_layer(text, int(asked["remove"]))
        else:
            text = form.changed(text, str(asked.get("place", "")), str(asked.get("value", "")))
        is_gone = form.HAND in read_toml(before, form.SOURCE) and form.HAND not in read_toml(
            text, form.SOURCE
        )
        told = [HAND_GONE] if is_gone else []
        return self._opened(text, _name(asked)) | {"told": told}

    def _make(self, asked: Asked, _: Sent) -> dict[str, Any]:
        experiment = experiment_of(_text(asked), _name(asked))
        folder = self.shelf.folder()
        iteration = max(1, int(asked.get("iteration") or 1))
        return self._files(making.take_home(experiment, str(asked.get("what")), folder, iteration))

    def _exercise(self, asked: Asked, sent: Sent) -> dict[str, Any]:
        experiment = experiment_of(_text(asked), _name(asked))
        folder = self.shelf.folder()
        roster = making.handed_roster(sent, folder)
        return self._files(making.exercise(experiment, asked, roster, folder))

    def _mark(self, asked: Asked, sent: Sent) -> dict[str, Any]:
        folder = self.shelf.folder()
        again = self.shelf.about(str(asked.get("again", "")))
        if asked.get("again") and again is None:
            raise InputError("what was read is no longer there; choose the hand-ins again")
        if again is None:
            roster = making.handed_roster(sent, folder)
            again = marks.read(
                sent, lambda: experiment_of(_text(asked), _name(asked)), roster, folder
            )
        results = marks.marked(again, asked, folder)
        self.shelf.kept[folder.name] = again
        rows = [row | {"page": self.shelf.link(row["page"])["href"]} for row in results.rows]
        page = results.class_page
        root = str(folder)
        return self._files(results.made) | {
            "again": folder.name,
            "first": [_without(line, root) for line in results.first],
            "rows": rows,
            "classPage": self.shelf.link(page)["href"] if page is not None else None,
        }

    def _files(self, made: making.Made) -> dict[str, Any]:
        folder = str(self._folder_of(made))
        return {
            "files": [self.shelf.link(path) | {"what": what} for path, what in made.files],
            "said": [_without(line, folder) for line in made.said],
        }

    def _folder_of(self, made: making.Made) -> Path:
        path = made.files[0][0].relative_to(self.shelf.root)
        return self.shelf.root / path.parts[0]


def _without(text: str, folder: str) -> str:
    """A sentence without the temporary folder, of which nobody needs to know."""
    return text.replace(f"{folder}/", "").replace(f"{folder}\\", "").replace(folder, "here")


def _text(asked: Asked) -> str:
    return str(asked.get("text", ""))


def _name(asked: Asked) -> str:
    return making.safe_name(str(asked.get("name", "")))
