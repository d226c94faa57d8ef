"""`make bar`: how often each statistic cries out where nothing is, and how often each interval covers what is.

    python -m tests.bar [--worlds N] [--only NAME ...] [--out FILE]

The tests ask the same of few worlds within loose bounds; this asks it of many, and says with which error.
"""
