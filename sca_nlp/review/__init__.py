"""The review page: a local web app on a finished run, in which analysts explore, read, correct and audit.

What comes from a run is read through an index (`index.py`, `explore.py`); what analysts decide goes into an append-only
journal (`journal.py`) and nowhere else. The run's own files are never changed.
"""

from __future__ import annotations
