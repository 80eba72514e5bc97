"""Everything that Elastic cannot say of a rule, in one table: code, why, and what to write instead."""

from mcp_siem.convert.refuse import Limit

__all__ = ["LIMITS", "limit"]

_TABLE = (
    Limit(
        code="ELASTIC-KEYWORDS",
        reason="a value without a field that every text has, or that is no text",
        hint="give a plain string or a pattern, or name the field",
    ),
    Limit(
        code="ELASTIC-FIELDREF",
        reason="only a script compares two fields, and a correlation, or analyzed text, has none",
        hint="compare keyword fields in a rule of its own, or let the source set a field for it",
    ),
    Limit(
        code="ELASTIC-TIMEPART",
        reason="only a script takes a part out of a time, and a correlation has none",
        hint="let the source write the part (hour, weekday) to a field of its own",
    ),
    Limit(
        code="ELASTIC-REGEX",
        reason="the pattern cannot be turned into Lucene's dialect, which has no look-around and no anchors",
        hint="use contains, startswith, endswith, or a pattern without that construct",
    ),
    Limit(
        code="ELASTIC-REGEX-SIZE",
        reason="the pattern becomes longer than an index accepts (index.max_regex_length)",
        hint="split the pattern into several shorter values",
    ),
    Limit(
        code="ELASTIC-PATTERN-EFFORT",
        reason="Lucene would need too much work for the pattern, and a query gives up on it without an error",
        hint="replace counted gaps such as .{0,80} by * or by several values with contains|all",
    ),
    Limit(
        code="ELASTIC-CIDR-TYPE",
        reason="the index holds no address here, and only a script reads one in a text",
        hint="give the field the type ip in the taxonomy, or use the rule without a correlation",
    ),
    Limit(
        code="ELASTIC-CIDR-MAPPED",
        reason="the index holds IPv4 as a part of this IPv6 network, so IPv4 addresses would match too",
        hint="use a longer IPv6 prefix",
    ),
    Limit(
        code="ELASTIC-NUMBER-TYPE",
        reason="the field is not a number in the index, and only a script reads one in a text",
        hint="use a field of type long or double, or the rule without a correlation",
    ),
    Limit(
        code="ELASTIC-FLATTENED",
        reason="only a script reads keys inside a flattened field, and a correlation has none",
        hint="use the typed argument arrays (mcp.argument.path, .url, .host, .option, .value)",
    ),
    Limit(
        code="ELASTIC-FIELD-NAME",
        reason="Elasticsearch cannot hold or address a field of this name",
        hint="map the field to another name",
    ),
    Limit(
        code="ELASTIC-EMPTY-TEXT",
        reason="only a script tells the empty string apart in a long text (type wildcard), and a correlation has none",
        hint="match a size or a flag, or use exists",
    ),
    Limit(
        code="ELASTIC-REGEX-TYPE",
        reason="the index holds no whole texts here, so no pattern can be searched in them",
        hint="match values or use contains, or give the field the type keyword or wildcard",
    ),
    Limit(
        code="ELASTIC-TYPED-TEXT",
        reason="the index holds no texts here, and only a script makes them, which a correlation has not",
        hint="compare numbers, times, booleans and addresses as such",
    ),
    Limit(
        code="ELASTIC-WORDS-NEGATED",
        reason="the index holds words of a text only; negated, the rule would miss texts that hold the same words",
        hint="give the field a keyword or wildcard sub-field",
    ),
    Limit(
        code="ELASTIC-FIELD-TYPE",
        reason="a field that is nested, mapped differently in these indices, or of a type without texts cannot be asked",
        hint="query indices of one mapping, or map the field as keyword, number, boolean, date or ip",
    ),
    Limit(
        code="ELASTIC-VALUE",
        reason="this kind of value has no form in Lucene",
        hint="use a plain string, number, boolean, null, cidr, or re value",
    ),
    Limit(
        code="ELASTIC-CONDITION",
        reason="the condition names no selection that exists",
        hint="name existing selections in the condition",
    ),
    Limit(
        code="ELASTIC-CORRELATION-CONDITION",
        reason="ES|QL cannot tell how many of the rules came in order, only that all of them did",
        hint="leave the condition out, so that all rules are needed",
    ),
    Limit(
        code="ELASTIC-CORRELATION-NESTED",
        reason="a correlation of correlations has to group by the same fields throughout, and to have at most 12 rules",
        hint="give the inner correlations the group-by of the outer one, or run it with mcp-siem watch",
    ),
    Limit(
        code="ELASTIC-CORRELATION-FIELD",
        reason="groups and counted values must be fields that the index holds as columns, one number for sums and percentiles",
        hint="group by and count keyword, number, boolean or address fields that the index has",
    ),
)

LIMITS = {one.code: one for one in _TABLE}


def limit(name: str) -> Limit:
    """The limit `ELASTIC-<name>`."""
    return LIMITS[f"ELASTIC-{name}"]
