"""What the shipped models must beat: one command makes every row of one table.

    python -m training.baselines --data SHARED_DATA --out baselines.json

Every row that learns, learns from the same sentences, takes its thresholds and calibration from the same other ones
(a fifth of the documents) and is scored once on the test set, and on sets that others labelled for related questions.
`learners` has the quick rows, `textcat`, `contrast` and `adapters` one library each; `material` is what they get,
`measure` and `externals` how they are judged, `table` puts rows together and keeps the finished ones.
"""
