"""The command line: one file per verb; each parses, calls one function of a station, and reports."""
