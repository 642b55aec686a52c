"""What is installed: lower bounds that are tested, a lock for the checks, packages and no more."""

from __future__ import annotations

import re
import tomllib
from itertools import chain
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).parents[2]
CI = ROOT / ".ci"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
# Large, and installed on its own where it is wanted.
ALONE = {"torch"}
# The extra of the commands that take an hour: no check installs it.
BY_HAND = "offline"


def bounds() -> dict[str, Version]:
    """Each package that is asked for, and its lower bound."""
    extras = PROJECT["optional-dependencies"]
    lines = chain(PROJECT["dependencies"], *(extras[name] for name in extras if name != BY_HAND))
    found = {}
    for line in map(Requirement, lines):
        if line.name == PROJECT["name"] or line.name in ALONE:
            continue
        (only,) = line.specifier
        assert only.operator == ">=", (
            f"{line}: a lower bound, and no upper one that holds users back"
        )
        found[canonicalize_name(line.name)] = Version(only.version)
    return found


def pinned(name: str) -> dict[str, Version]:
    lines = (CI / name).read_text("utf-8").splitlines()
    pins = [line.split("==") for line in lines if line and not line.startswith(("#", " "))]
    return {canonicalize_name(package): Version(version) for package, version in pins}


def test_the_job_with_the_lowest_versions_has_every_lower_bound():
    """Of the packages that running and testing need; those for style are not in it."""
    lowest = pinned("lowest.txt")
    development = {"mypy", "pandas-stubs", "pyright", "ruff", "types-openpyxl"}
    asked = {name: bound for name, bound in bounds().items() if name not in development}
    for name, bound in asked.items():
        assert lowest[name].release[: len(bound.release)] == bound.release, name


def test_the_lock_has_every_package_at_its_bound_or_above():
    lock = pinned("lock.txt")
    for name, bound in bounds().items():
        assert lock[name] >= bound, name


@pytest.mark.parametrize("name", ["lock.txt", "lowest.txt"])
def test_a_list_of_versions_names_packages_alone(name):
    """No addresses, no files: whichever index a user has serves them."""
    text = (CI / name).read_text("utf-8")
    assert not re.search(r"://|@|^-|\bfile:", text, re.MULTILINE)


def test_the_checks_install_packages_and_download_nothing_else():
    script = (CI / "run").read_text("utf-8")
    assert not re.search(r"\b(curl|wget|git clone|playwright install|npx|npm)\b", script)
    assert "PIP_CONSTRAINT" in script
