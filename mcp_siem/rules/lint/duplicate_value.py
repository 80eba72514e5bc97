"""The same value twice in one list: one of the two was meant to be another."""

from collections.abc import Iterator

from mcp_siem.rules.lint.subject import Check, Fault, Subject

__all__ = ["CHECK"]

_CASE_MATTERS = frozenset({"cased", "re", "base64", "base64offset"})


def _run(subject: Subject) -> Iterator[Fault]:
    for item in subject.items():
        cased = bool(_CASE_MATTERS & set(item.modifiers))
        seen: set[tuple[str, str]] = set()
        for index, value in enumerate(item.values):
            text = str(value) if cased else str(value).casefold()
            key = (type(value).__name__, text)
            if key in seen:
                at = (*item.at, index)
                yield Fault(at=at, message=f"the value '{value}' is in the list twice", hint="remove one of the two")
            seen.add(key)


CHECK = Check(code="MS103", says="no value is there twice", severity="warning", run=_run, ours=False)
