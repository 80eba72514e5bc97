"""Lint: one file per check, all of them in table.py."""
