"""Iterations worked out on paper, and derivatives in symbols: words, formulas, numbers."""

from bpsheet.explain.derivation import Derivation, derive
from bpsheet.explain.steps import Explanation, Step, explain
from bpsheet.paper.document import Document

__all__ = ["Derivation", "Document", "Explanation", "Step", "derive", "explain"]
