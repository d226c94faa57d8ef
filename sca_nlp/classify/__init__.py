"""Classifiers: the contract, checked model folders, and the lexicon, linear and transformer kinds."""
