"""The command health."""

from __future__ import annotations


def test_the_command(command):
    status, out, _ = command("health", "exploding")
    assert status == 0
    assert "is the first (#NUM!)" in " ".join(out.split())
    assert all(f"layer {n}" in out for n in (1, 2, 3))
    status, out, _ = command(
        "health", "exploding", "--set", "learning_rate=0.1", "--iterations", "50"
    )
    assert status == 0
    assert "No problem was found." in out
