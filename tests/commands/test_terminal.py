"""What a command prints: text of users as it is, and how a command is stopped."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
import tomllib
from pathlib import Path

import pytest

from bpsheet.api.experiment import Experiment
from bpsheet.plan.templates import template_names
from tests.helpers.commands import files
from tests.helpers.samples import spread

SMALL = """
title = "{title}"
[network]
inputs = ["x"]
targets = ["y"]
loss = "half_squared_error"
[[network.layers]]
neurons = ["o"]
activation = "linear"
weights = [[0.5]]
bias = false
[data]
examples = [[2, 3]]
[training]
learning_rate = 0.1
iterations = 4
"""


def small(title: str = "small") -> str:
    return SMALL.replace("{title}", title)


@pytest.mark.sample(2)
@pytest.mark.parametrize(
    "title",
    spread(
        [
            "[red]x[/red]",
            "[/]",
            "[bold",
            "a [link=http://example.com]b[/link]",
            ":smile: :warning:",
            "backslash at the end\\\\",
            "100% {sure} %s",
        ],
        4,
    ),
)
def test_titles_are_printed_as_they_are(command, folder, title):
    """Nothing in them is taken for colours, links or pictures."""
    (folder / "x.toml").write_text(small(title))
    shown = tomllib.loads(f'title = "{title}"')["title"]
    for arguments in (["run", "x.toml"], ["show", "x.toml"]):
        status, out, _ = command(*arguments)
        assert status == 0
        assert out.splitlines()[0].startswith(shown)


def test_names_of_files_are_printed_as_they_are(command, folder):
    name = "my [red] network :smile: (1).toml"
    (folder / name).write_text(small())
    status, out, _ = command("run", name)
    assert status == 0
    assert f"Wrote outputs/{name.removesuffix('.toml')}.xlsx: " in out
    path = f"outputs/{name.removesuffix('.toml')}.xlsx"
    status, out, _ = command("verify", path)
    assert status == 0
    assert out.startswith(f"{path} in ironcalc")


def test_names_of_quantities_are_printed_as_they_are(command, folder):
    text = small().replace('neurons = ["o"]', 'neurons = ["o [red]"]')
    (folder / "x.toml").write_text(text)
    for arguments in (["run", "x.toml"], ["show", "x.toml"]):
        status, out, _ = command(*arguments)
        assert status == 0
        assert "o [red]" in out


def test_stopping_in_training_ends_with_status_130(command, folder, monkeypatch):
    def stopped(*_arguments, **_named):
        signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(Experiment, "run", stopped)
    status, out, err = command("run", "two-neuron")
    assert status == 130
    assert out == ""
    assert err.strip() == "Stopped; nothing was written."
    assert files(folder) == []


@pytest.mark.slow
def test_ctrl_c_while_writing_leaves_no_half_file(folder):
    """The old workbook stays, the temporary one is gone."""
    (folder / "x.xlsx").write_bytes(b"old")
    arguments = ["run", "two-neuron", "--iterations", "300000", "-o", "x.xlsx", "--force"]
    process = subprocess.Popen(
        [sys.executable, "-c", "from bpsheet.cli import main; main()", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        deadline = time.monotonic() + 60
        while not any(p.suffix == ".part" and p.stat().st_size > 100_000 for p in folder.iterdir()):
            assert process.poll() is None, process.communicate()
            assert time.monotonic() < deadline
            time.sleep(0.02)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=60)
    finally:
        process.kill()
    assert process.returncode == 130
    assert "Traceback" not in err
    assert "Stopped" in err
    assert files(folder) == ["x.xlsx"]
    assert (folder / "x.xlsx").read_bytes() == b"old"


@pytest.mark.slow
def test_a_reader_that_leaves_early_is_no_error():
    """bpsheet schema | head: no traceback."""
    process = subprocess.Popen(
        [sys.executable, "-c", "from bpsheet.cli import main; main()", "schema"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    process.stdout.close()
    err = process.stderr.read().decode()
    process.stderr.close()
    process.wait(timeout=60)
    assert err == ""


@pytest.mark.slow
def test_the_program_is_installed():
    done = subprocess.run(
        [str(Path(sys.executable).parent / "bpsheet"), "list"],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert len(done.stdout.splitlines()) == len(template_names())
