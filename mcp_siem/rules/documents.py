"""The documents of a rule's text, for whoever wants what it says and not pySigma's objects."""

from collections.abc import Mapping, Sequence
from typing import Any

from mcp_siem.errors import PackError
from mcp_siem.rules.rule import Rule
from mcp_siem.rules.yamltext import read_documents

__all__ = ["documents_of"]


def documents_of(rule: Rule) -> Sequence[Mapping[str, Any]]:
    """The documents of a rule's text, its own last; they are shared and must not be changed."""
    if rule.read is not None and rule.read.text is rule.text:
        return rule.read.documents
    documents, issues = read_documents(rule.text, rule.path)
    if issues:
        raise PackError(issues)
    return [document.data for document in documents if isinstance(document.data, dict)]
