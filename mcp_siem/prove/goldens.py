"""Golden queries: what each target gives for a rule, kept beside it, so that a change of meaning is a reviewed diff."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import orjson

from mcp_siem.convert.target import Query, Refusal, Target
from mcp_siem.rules.finding import Finding
from mcp_siem.rules.rule import Rule, RulePack

__all__ = ["compare_goldens", "golden_path", "golden_text", "golden_texts"]

_SUFFIXES: Mapping[str, str] = {"splunk": "spl"}
_HINT = "review the change; `pytest tests/rules --update-golden` writes the goldens of this repository anew"


def golden_path(rule: Rule, target: str) -> Path:
    """Where the golden query of a rule for a target stands: beside the rule, under its stem."""
    return rule.sibling(f".{target}.{_SUFFIXES.get(target, 'json')}")


def golden_texts(pack: RulePack, targets: Sequence[Target]) -> dict[Path, str]:
    """What the golden files of all rules that alert should hold now, by path."""
    paths = [(rule, target, golden_path(rule, target.name)) for rule in pack.alerting() for target in targets]
    return {path: golden_text(path, target.query(rule)) for rule, target, path in paths}


def compare_goldens(expected: Mapping[Path, str], found: Mapping[Path, str | None]) -> Iterator[Finding]:
    """A finding for each golden file that is missing (None) or says otherwise, at its first line that differs."""
    for path, text in expected.items():
        held = found.get(path)
        if held is None:
            yield _finding("MS902", path, 1, "there is no golden query")
        elif held != text:
            yield _finding(
                "MS901", path, _first_difference(held, text), "the golden query differs from what the target gives"
            )


def golden_text(path: Path, answer: Query | Refusal) -> str:
    """What the golden file at `path` should hold for a target's answer."""
    if path.suffix == ".spl":
        return (
            f"``` refused {answer.code}: {answer.reason} ```\n" if isinstance(answer, Refusal) else f"{answer.text}\n"
        )
    if isinstance(answer, Refusal):
        document: dict[str, object] = {"refused": {"code": answer.code, "reason": answer.reason}}
    else:
        document = {"language": answer.language, "query": answer.text.split("\n"), "notes": list(answer.notes)}
    return orjson.dumps(document, option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS).decode() + "\n"


def _first_difference(held: str, text: str) -> int:
    pairs = zip(held.split("\n"), text.split("\n"), strict=False)
    same = next((index for index, (one, other) in enumerate(pairs) if one != other), None)
    return (same if same is not None else min(held.count("\n"), text.count("\n"))) + 1


def _finding(code: str, path: Path, line: int, message: str) -> Finding:
    return Finding(code=code, severity="error", path=str(path), line=line, message=message, hint=_HINT)
