"""Shares, their corrections and their intervals."""
