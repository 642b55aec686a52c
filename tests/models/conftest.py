"""The modules here that only help the tests are not collected: they import PyTorch."""

from __future__ import annotations

collect_ignore = ["torch_models.py", "torch_tutorials.py"]
