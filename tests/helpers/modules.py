"""The modules of the package, by their full names."""

from pathlib import Path

import bpsheet

ROOT = Path(bpsheet.__file__).parent


def module_name(path):
    parts = path.relative_to(ROOT.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {module_name(path): path for path in sorted(ROOT.rglob("*.py"))}


def room_of(module):
    """The folder, or the module in the root, in which a module lies."""
    return module.split(".")[1] if "." in module else module
