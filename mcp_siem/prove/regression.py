"""SigmaHQ's regression data beside a rule, as cases: `regression_tests_path`, its `info.yml`, and events as JSON.

Source: the SigmaHQ regression testing conventions (sigma-specification, `sigmahq-regression-convention.md`). A sample in
another format (`.evtx`, `.raw`, `.xml`) needs a parser of its own: in its place the JSON beside it is read, as SigmaHQ
keeps it (evtx_dump's objects, one after another, on one line or over many).
"""

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from json import JSONDecodeError, JSONDecoder
from pathlib import Path, PurePosixPath

from mcp_siem.prove.windows import windows_event
from mcp_siem.rules.files import read_text
from mcp_siem.rules.finding import Finding, finding_of
from mcp_siem.rules.fixtures import Fixture
from mcp_siem.rules.rule import Rule
from mcp_siem.rules.yamltext import Document, read_documents

__all__ = ["RegressionCase", "Regressions", "read_regressions"]

_KEY = "regression_tests_path"
_JSON = frozenset({".json", ".jsonl", ".ndjson"})
_MOST_EVENTS = 100_000
_HINT = "see the SigmaHQ regression testing conventions"


@dataclass(frozen=True, slots=True, kw_only=True)
class RegressionCase:
    """One test of a rule: the events of a sample, and how many of them the rule is said to match, if it is said."""

    fixture: Fixture
    matches: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Regressions:
    """What a rule's regression data is: cases that can be tried, and what is to be said of the data (`info`: a note)."""

    cases: tuple[RegressionCase, ...] = ()
    findings: tuple[Finding, ...] = ()


def read_regressions(rule: Rule, document: Document) -> Regressions:
    """The regression data that a rule names; nothing if it names none."""
    data = document.data if isinstance(document.data, dict) else {}
    named = data.get(_KEY)
    if named is None:
        return Regressions()
    line = document.line_of(_KEY)
    path = _inside(named)
    if path is None:
        message = f"{_KEY} must be a path below the repository, with no '..'"
        return Regressions(findings=(_fault(rule.path, line, message),))
    root = _root(Path(rule.path), path)
    if root is None:
        return Regressions(findings=(_note(rule.path, line, f"its regression data is not here: {path}"),))
    return _Reader(rule, root, root / path).read()


def _inside(named: object) -> PurePosixPath | None:
    """The path, if it leads nowhere but down."""
    if not isinstance(named, str) or "\0" in named or "\\" in named:
        return None
    path = PurePosixPath(named)
    return None if path.is_absolute() or ".." in path.parts or not path.parts else path


def _root(rule: Path, path: PurePosixPath) -> Path | None:
    """The folder above the rule from which the path leads to a file: paths in SigmaHQ's data start at its repository."""
    above = Path(os.path.abspath(rule)).parents  # noqa: PTH100 - a link to a rule stands where it stands
    return next((folder for folder in above if (folder / path).is_file()), None)


class _Reader:
    """Reads one info.yml and the samples that it names."""

    def __init__(self, rule: Rule, root: Path, info: Path) -> None:
        self._rule, self._root, self._info = rule, root, info
        self._cases: list[RegressionCase] = []
        self._findings: list[Finding] = []

    def read(self) -> Regressions:
        document = self._document()
        if document is not None and isinstance(document.data, dict):
            self._about_this_rule(document, document.data)
            tests = document.data.get("regression_tests_info") or []
            if not isinstance(tests, list):
                self._issue(document.line_of("regression_tests_info"), "regression_tests_info must be a list of tests")
                tests = []
            if not tests and not self._findings:
                self._findings.append(_note(str(self._info), document.line, "names no regression test"))
            for at, test in enumerate(tests):
                self._test(test, document.line_of("regression_tests_info", at))
        return Regressions(cases=tuple(self._cases), findings=tuple(self._findings))

    def _document(self) -> Document | None:
        text, unreadable = read_text(self._info)
        documents, broken = ((), [unreadable]) if unreadable else read_documents(text, str(self._info))
        self._findings += map(finding_of, broken)
        if broken:
            return None
        if len(documents) != 1 or not isinstance(documents[0].data, dict):
            self._issue(1, "info.yml must be one mapping")
            return None
        return documents[0]

    def _about_this_rule(self, document: Document, data: Mapping[str, object]) -> None:
        listed = data.get("rule_metadata")
        ids = (
            {str(one.get("id")).lower() for one in listed if isinstance(one, dict)}
            if isinstance(listed, list)
            else set()
        )
        if self._rule.id not in ids:
            self._issue(document.line_of("rule_metadata"), f"rule_metadata does not name the rule {self._rule.id}")

    def _test(self, test: object, line: int) -> None:
        path = _inside(test.get("path")) if isinstance(test, dict) else None
        if not isinstance(test, dict) or path is None:
            self._issue(line, "a test needs a path below the repository, with no '..'")
            return
        matches = test.get("match_count")
        if matches is not None and (isinstance(matches, bool) or not isinstance(matches, int) or matches < 0):
            self._issue(line, "match_count must be a whole number")
            return
        sample = self._sample(path)
        if sample is None:
            words = f"{path.name} needs a parser, and no JSON is beside it: not tried"
            self._findings.append(_note(str(self._info), line, words))
            return
        if sample.name != path.name:
            words = f"{path.name} needs a parser: {sample.name} beside it was read"
            self._findings.append(_note(str(self._info), line, words))
        self._try(sample, str(test.get("name") or path.name), matches)

    def _sample(self, path: PurePosixPath) -> Path | None:
        """The sample, or the JSON that stands for it: of its name, or of the rule's id."""
        file = self._root / path
        if file.suffix.lower() in _JSON:
            choices = [file]
        else:
            choices = [file.with_suffix(suffix) for suffix in sorted(_JSON)]
            choices += [file.with_name(f"{self._rule.id}{suffix}") for suffix in sorted(_JSON)]
        return next((one for one in choices if one.is_file()), None)

    def _try(self, sample: Path, name: str, matches: int | None) -> None:
        text, unreadable = read_text(sample)
        if unreadable:
            self._findings.append(finding_of(unreadable))
            return
        try:
            events = tuple(windows_event(one) for one in _objects(text))
        except ValueError as error:
            self._findings.append(_fault(str(sample), 1, f"the sample cannot be read: {error}"))
            return
        if not events:
            self._findings.append(_fault(str(sample), 1, "the sample is empty"))
            return
        fixture = Fixture(
            kind="miss" if matches == 0 else "match",
            case=name,
            verdict=None,
            events=events,
            path=str(sample),
            line=1,
        )
        self._cases.append(RegressionCase(fixture=fixture, matches=matches))

    def _issue(self, line: int, message: str) -> None:
        self._findings.append(_fault(str(self._info), line, message))


def _fault(path: str, line: int, message: str) -> Finding:
    return Finding(code="MS307", severity="error", path=path, line=line, message=message, hint=_HINT)


def _note(path: str, line: int, message: str) -> Finding:
    return Finding(code="MS308", severity="info", path=path, line=line, message=message)


def _objects(text: str) -> Iterator[Mapping[str, object]]:
    """The JSON objects of a text: one after another, a line each, or in an array."""
    decoder = JSONDecoder()
    at, count = 0, 0
    while True:
        while at < len(text) and text[at] in " \t\r\n,\ufeff":
            at += 1
        if at == len(text):
            return
        try:
            value, at = decoder.raw_decode(text, at)
        except (JSONDecodeError, RecursionError) as error:
            raise ValueError(f"no JSON at line {text.count(chr(10), 0, at) + 1}: {error}") from error
        for one in value if isinstance(value, list) else [value]:
            count += 1
            if count > _MOST_EVENTS or not isinstance(one, dict):
                raise ValueError(
                    f"more than {_MOST_EVENTS} events" if isinstance(one, dict) else "an event is an object"
                )
            yield one
