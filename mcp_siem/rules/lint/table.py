"""All lint checks, one line each."""

from mcp_siem.rules.lint import (
    cased,
    covered_value,
    duplicate_value,
    folded_pattern,
    foreign_field,
    identity,
    idle_filter,
    metadata,
    naming,
    prose,
    regex_on_text,
    session_alone,
    siblings,
    tags,
    techniques,
    title,
    unknown_field,
    unknown_logsource,
    unused_selection,
)
from mcp_siem.rules.lint.subject import Check

__all__ = ["CHECKS"]

CHECKS: tuple[Check, ...] = (
    unused_selection.CHECK,
    duplicate_value.CHECK,
    covered_value.CHECK,
    idle_filter.CHECK,
    unknown_field.CHECK,
    foreign_field.CHECK,
    unknown_logsource.CHECK,
    identity.CHECK,
    naming.CHECK,
    title.CHECK,
    metadata.CHECK,
    tags.CHECK,
    techniques.CHECK,
    prose.CHECK,
    siblings.CHECK,
    folded_pattern.CHECK,
    regex_on_text.CHECK,
    session_alone.CHECK,
    cased.CHECK,
)
