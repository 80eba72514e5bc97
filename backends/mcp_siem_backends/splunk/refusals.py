"""What cannot mean the same in Splunk: one table of stable codes, each with its reason and what to change."""

from mcp_siem.convert.refuse import Limit, RefusedError

__all__ = ["LIMITS", "refused"]

LIMITS: dict[str, Limit] = {
    limit.code: limit
    for limit in (
        Limit(
            code="SPLUNK-FIELD-NAME",
            reason="no SPL quoting can carry this field name",
            hint="rename the field in a pipeline: quotes, backslashes, backticks, asterisks and control characters cannot be named",
        ),
        Limit(
            code="SPLUNK-FIELDREF-ARRAY",
            reason="SPL compares two fields value by value only if both hold one value",
            hint="compare fields that hold one value, or let the normaliser set a flag that the rule can ask for",
        ),
        Limit(
            code="SPLUNK-KEYWORD-NEGATED",
            reason="keywords are searched in the raw event, which also holds the names of fields; negated, that would lose events",
            hint="name the fields in which the keyword must not stand",
        ),
        Limit(
            code="SPLUNK-KEYWORD-REGEX",
            reason="a regular expression without a field would run over the raw JSON, not over the values",
            hint="name the fields that the expression is about",
        ),
        Limit(
            code="SPLUNK-PATTERN",
            reason="the pattern uses something that PCRE reads otherwise than RE2",
            hint="write it without the construct named",
        ),
        Limit(
            code="SPLUNK-PLACEHOLDER",
            reason="a placeholder has no value",
            hint="set it under [vars] in mcp-siem.toml",
        ),
        Limit(
            code="SPLUNK-QUERY-PART",
            reason="a pipeline put a piece of another query language into the rule",
            hint="leave that pipeline out",
        ),
        Limit(
            code="SPLUNK-TIME-WEEK",
            reason="SPL names weeks in the time zone of whoever searches",
            hint="ask for day and month instead",
        ),
        Limit(
            code="SPLUNK-CORRELATION-FIELDS",
            reason="combinations of several fields are counted only if each holds one value and all rules name the same",
            hint="count the values of one field, or of fields that hold one value",
        ),
        Limit(
            code="SPLUNK-CORRELATION-NESTED",
            reason="a correlation that another builds on is grouped by a field of several values, or by different fields",
            hint="group the inner correlation by one field that holds one value",
        ),
        Limit(
            code="SPLUNK-CORRELATION-CONDITION",
            reason="an extended condition says nothing about an order",
            hint="list the rules in order and leave the condition out, or use `temporal`",
        ),
        Limit(
            code="SPLUNK-CORRELATION-WINDOW",
            reason="streamstats looks back over at most 10,000 events (max_stream_window)",
            hint="lower the threshold, or count a rarer event",
        ),
        Limit(
            code="SPLUNK-PYSIGMA",
            reason="pySigma cannot convert the rule",
            hint="run mcp-siem check on it",
        ),
    )
}


def refused(code: str, where: str) -> RefusedError:
    """The refusal of a part of a rule, to be raised; `code` is a key of LIMITS."""
    return RefusedError(LIMITS[code], where)
