"""Worked solutions: an iteration with words, formulas and numbers, and derivatives in symbols."""

from bpsheet.explain.derivation import Derivation, derive
from bpsheet.explain.steps import Explanation, Step, explain, worked_step
from bpsheet.paper.document import Document

__all__ = ["Derivation", "Document", "Explanation", "Step", "derive", "explain", "worked_step"]
