"""A selection that no condition names does nothing, and its author thinks that it does."""

from collections.abc import Iterator

from mcp_siem.rules.condition import named_selections
from mcp_siem.rules.lint.subject import Check, Fault, Subject

__all__ = ["CHECK"]


def _run(subject: Subject) -> Iterator[Fault]:
    node = subject.data.get(subject.section)
    condition = node.get("condition") if isinstance(node, dict) else None
    names = list(subject.selections)
    used: set[str] = set()
    for part in condition if isinstance(condition, list) else [condition]:
        used |= named_selections(str(part), names)
    for name in names:
        # Before correlations, Sigma kept the window of an aggregation here; it is no selection.
        if name not in used and name != "timeframe":
            message = f"the condition never names the selection '{name}'"
            yield Fault(at=(subject.section, name), message=message, hint="name it in the condition, or remove it")


CHECK = Check(code="MS102", says="every selection is used", severity="warning", run=_run, ours=False)
