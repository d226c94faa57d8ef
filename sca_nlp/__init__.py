"""sca_nlp: words against deeds, an instrument for the study of security communities."""

from __future__ import annotations

__version__ = "0.1.0"
