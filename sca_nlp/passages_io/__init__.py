"""Tables of passages in and out: what `sca predict` reads and writes, and the flat export of a run."""

from __future__ import annotations

from sca_nlp.passages_io.predict import PredictSummary, predict_file
from sca_nlp.passages_io.rows import read_rows
from sca_nlp.passages_io.tables import escape_cell, write_speeches, write_tables

__all__ = ["PredictSummary", "escape_cell", "predict_file", "read_rows", "write_speeches", "write_tables"]
