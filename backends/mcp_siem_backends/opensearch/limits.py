"""Everything that OpenSearch cannot say of a rule, in one table: code, why, and what to write instead."""

from mcp_siem.convert.refuse import Limit

__all__ = ["LIMITS", "limit"]

_TABLE = (
    Limit(
        code="OPENSEARCH-REGEX",
        reason="the pattern cannot be turned into Lucene's dialect, which has no look-around and no anchors",
        hint="use contains, startswith, endswith, or a pattern without that construct",
    ),
    Limit(
        code="OPENSEARCH-PATTERN-EFFORT",
        reason="the pattern is too much work for Lucene, and has more than 1,000 characters, counted gaps included, for a script",
        hint="replace counted gaps such as .{0,80} by * or by several values with contains|all",
    ),
    Limit(
        code="OPENSEARCH-KEYWORDS",
        reason="this kind of value cannot be searched without a field",
        hint="name the field that it is about",
    ),
    Limit(
        code="OPENSEARCH-VALUE",
        reason="this kind of value has no form in a query",
        hint="use a plain string, number, boolean, null, cidr, or re value",
    ),
    Limit(
        code="OPENSEARCH-CONDITION",
        reason="the condition names no selection that exists",
        hint="name existing selections in the condition",
    ),
    Limit(
        code="OPENSEARCH-CLAUSES",
        reason="a search may hold 1,024 clauses (indices.query.bool.max_clause_count)",
        hint="split the rule, or replace lists of values by a pattern",
    ),
    Limit(
        code="OPENSEARCH-PATTERNS",
        reason="the patterns of one search have more than 100,000 characters together, and their automata fill the heap of a node",
        hint="split the rule, or replace patterns by contains",
    ),
    Limit(
        code="OPENSEARCH-CORRELATION-NESTED",
        reason="a correlation of correlations needs the windows of another search",
        hint="correlate the base rules themselves, or run it with mcp-siem watch",
    ),
    Limit(
        code="OPENSEARCH-CORRELATION-RULES",
        reason="a score tells at most 24 rules apart",
        hint="correlate fewer rules",
    ),
    Limit(
        code="OPENSEARCH-CORRELATION-FIELD",
        reason="groups and counted values are read from fields that the index keeps by document",
        hint="group by and count fields of type keyword, long, double, boolean, date or ip",
    ),
    Limit(
        code="OPENSEARCH-CORRELATION-CONDITION",
        reason="the correlation has no meaning as it is written",
        hint="see the Sigma correlation rules specification",
    ),
)

LIMITS = {one.code: one for one in _TABLE}


def limit(name: str) -> Limit:
    """The limit `OPENSEARCH-<name>`."""
    return LIMITS[f"OPENSEARCH-{name}"]
