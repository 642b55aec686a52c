"""The commands that look at a gradient."""

from __future__ import annotations


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
