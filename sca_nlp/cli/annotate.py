"""`sca train`, `evaluate`, `annotate`: from coded sentences to a model that a team can trust."""

from __future__ import annotations

from sca_nlp.cli import app  # noqa: F401
