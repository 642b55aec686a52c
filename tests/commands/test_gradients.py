"""The commands that look at a gradient."""

from __future__ import annotations

import bpsheet as bp


def test_the_commands_say_it_and_the_exit_status_too(command):
    status, out, _ = command("gradcheck", "two-neuron", "--iteration", "2")
    assert status == 0
    assert "All 5 gradients agree" in out
    assert "13 forward, 13 backward" in out
    status, _, err = command("gradcheck", "book-perceptron")
    assert status == 2
    assert "no loss" in err
    assert command("operations", "two-neuron")[0] == 0
    assert "1,089" in command("operations")[1]


def test_of_many_weights_those_are_shown_that_disagree_or_are_furthest_apart(command, monkeypatch):
    monkeypatch.setattr("bpsheet.commands.gradients.MOST_WEIGHTS", 2)
    frame = bp.load("two-neuron").run(1).check_gradient(1).frame
    furthest = frame["relative"].nlargest(2).index
    _, out, _ = command("gradcheck", "two-neuron")
    rows = [line.split()[0] for line in out.splitlines() if line.startswith("w_")]
    assert set(rows) == set(furthest)
    assert "These 2 of 5 weights have the largest differences." in out
    # By a step that is much too long they all disagree.
    _, out, _ = command("gradcheck", "two-neuron", "--delta", "0.9")
    rows = [line for line in out.splitlines() if line.startswith("w_")]
    assert len(rows) == 2
    assert all("disagrees" in row for row in rows)
