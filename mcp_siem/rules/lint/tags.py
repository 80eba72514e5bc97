"""Tags in the namespaces of the project: coverage is counted from them."""

import re
from collections.abc import Iterator, Mapping

from mcp_siem.rules.lint.subject import Check, Fault, Subject

__all__ = ["CHECK"]

_FORMS: Mapping[str, str] = {
    "attack": r"t\d{4}(\.\d{3})?|[gs]\d{4}|ta\d{4}|[a-z]+(-[a-z]+)*",
    "atlas": r"aml\.t\d{4}(\.\d{3})?|aml\.ta\d{4}",
    "owasp-mcp": r"mcp(0[1-9]|10)",
    "mcp-ttp": r"[a-z0-9]+(-[a-z0-9]+)*\.[a-z0-9]+(-[a-z0-9]+)*",
    "cve": r"\d{4}[.-]\d{4,}",
    "detection": r"[a-z-]+",
    "tlp": r"[a-z+-]+",
    "stp": r"\d[a-z]?",
    "car": r"\d{4}-\d{2}-\d{3}",
    "d3fend": r"d3-?[a-z0-9_-]+",
}
_REQUIRED = ("owasp-mcp", "mcp-ttp")


def _run(subject: Subject) -> Iterator[Fault]:
    seen: set[str] = set()
    for index, tag in enumerate(subject.rule.tags):
        namespace, _, name = tag.partition(".")
        form = _FORMS.get(namespace)
        if form is None:
            hint = f"use one of {', '.join(_FORMS)}; see sigma_rules/README.md"
            yield Fault(at=("tags", index), message=f"the tag '{tag}' has an unknown namespace", hint=hint)
        elif not re.fullmatch(form, name):
            hint = f"see sigma_rules/README.md for the form of {namespace}. tags"
            yield Fault(at=("tags", index), message=f"the tag '{tag}' has not the form of its namespace", hint=hint)
        if tag in seen:
            yield Fault(at=("tags", index), message=f"the tag '{tag}' is there twice", hint="remove one of the two")
        seen.add(tag)
    if subject.rule.alerts and subject.rule.tags:
        for namespace in _REQUIRED:
            if not any(tag.startswith(f"{namespace}.") for tag in seen):
                hint = "see sigma_rules/README.md for the namespaces"
                yield Fault(at=("tags",), message=f"no tag of the namespace {namespace}", hint=hint)


CHECK = Check(code="MS208", says="the tags have their form", severity="error", run=_run)
