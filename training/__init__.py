"""How a model in `models/` is made and judged. Imports `sca_nlp`; `sca_nlp` never imports it."""
