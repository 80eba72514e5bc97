"""One rule document, judged: types first, then item by item what pySigma says, each fault on its own line."""

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import partial

from sigma.rule import SigmaRule

from mcp_siem.errors import Issue
from mcp_siem.rules.condition import condition_faults
from mcp_siem.rules.detection import detection_of, detections_of, item_of
from mcp_siem.rules.expand import SOLE, expressible
from mcp_siem.rules.faults import CRASHES, guarded, issue_of
from mcp_siem.rules.shape import shape_issues
from mcp_siem.rules.threshold import correlation_of
from mcp_siem.rules.yamltext import Document

__all__ = ["document_issues"]

Keys = tuple[str | int, ...]

_TIMESPAN = re.compile(r"0*[1-9][0-9]*[smhdwMy]")
_DASH = re.compile(r"\B[-/]\b")
_MOST_DASHES = 6
_RESERVED = frozenset({"condition", "rules"})
_SECTIONS = ("correlation", "filter", "detection")
_TEXTS = ("title", "id", "name")
_NOWHERE = Document(data=None, path="", line=0)
_HARMLESS: Mapping[str, object] = {
    "logsource": {"product": "p"},
    "detection": {"s": {"f": "v"}, "condition": "s"},
}


def document_issues(document: Document) -> list[Issue]:
    """Everything that is wrong with one rule, correlation or filter, taken alone, in the order of its lines."""
    data = document.data if isinstance(document.data, dict) else {}
    wrong = shape_issues(document)
    if any(issue.code == "MS005" for issue in wrong):
        return wrong
    issues = [*wrong, *_header_issues(document, data)]
    if not wrong and "native" not in data:
        # pySigma crashes on a section whose parts have not their types.
        section = next(name for name in _SECTIONS if name in data)
        judge = _correlation_issues if section == "correlation" else partial(_section_issues, section)
        issues += judge(document, data[section])
    return sorted(issues, key=lambda issue: issue.line)


def _header_issues(document: Document, data: Mapping[str, object]) -> list[Issue]:
    """What pySigma says of all but the sections, with harmless ones in their place; texts that are none are told already."""
    texts = {key: value for key in _TEXTS if isinstance(value := data.get(key), str)}
    rest = {key: value for key, value in data.items() if key not in (*_SECTIONS, *_TEXTS, "logsource", "native")}
    header = {"title": "t", **rest, **texts, **_HARMLESS}
    rule, issues = guarded(document, partial(SigmaRule.from_dict, header, collect_errors=True))
    return issues + [issue_of(error, document) for error in (rule.errors if rule else ())]


def _section_issues(section: str, document: Document, node: object) -> Iterator[Issue]:
    plain = expressible(node)
    if not isinstance(node, dict) or not isinstance(plain, dict):
        return
    selections = {name: value for name, value in plain.items() if name not in _RESERVED or section == "detection"}
    selections.pop("condition", None)
    listed = node["condition"] if isinstance(node["condition"], list) else [node["condition"]]
    conditions = [str(condition) for condition in listed]
    if section == "filter":
        yield from _filter_issues(document, node)
    if _is_sound(node, conditions, selections):
        return
    found = [issue for name in selections for issue in _selection_issues(document, node[name], (section, name))]
    yield from found
    for condition in conditions:
        yield from _condition_issues(document, section, condition, selections, sound=not found)


def _is_sound(node: Mapping[str, object], conditions: Sequence[str], selections: Mapping[str, object]) -> bool:
    """Says whether the whole is fine, as nearly every section is: then no part of it has to be asked alone."""
    if any(_oddities(node[name]) for name in selections):
        return False
    if any(fault for condition in conditions for fault in condition_faults(condition, selections)):
        return False
    parses = (partial(_parsed, {**selections, "condition": condition}) for condition in conditions)
    return all(not guarded(_NOWHERE, parse)[1] for parse in parses)


def _oddities(node: object) -> bool:
    """Says whether a selection holds what pySigma takes and should not."""
    if isinstance(node, list):
        return any(_oddities(item) for item in node)
    if not isinstance(node, dict):
        return False
    return any(
        _odd_value(_NOWHERE, name, values, ()) or (name != key and name in node)
        for key, value in node.items()
        for name, values in _plain(key, value)
    )


def _plain(key: str, value: object) -> Sequence[tuple[str, object]]:
    plain = expressible({key: value}) if "expand" in key else {key: value}
    return tuple(plain.items()) if isinstance(plain, dict) else ()


def _selection_issues(document: Document, node: object, where: Keys) -> Iterator[Issue]:
    if isinstance(node, dict):
        for key, value in node.items():
            yield from _item_issues(document, node, key, value, (*where, key))
    elif isinstance(node, list) and any(isinstance(item, dict | list) for item in node):
        for index, item in enumerate(node):
            yield from _selection_issues(document, item, (*where, index))
    else:
        yield from guarded(document, partial(detection_of, node), *where)[1]


def _item_issues(
    document: Document, node: Mapping[str, object], key: str, value: object, where: Keys
) -> Iterator[Issue]:
    plain = expressible({key: value})
    for name, values in plain.items() if isinstance(plain, dict) else ():
        if name != key and name in node and SOLE & set(name.split("|")):
            message = f"'{key}' and '{name}' cannot stand in one selection"
            hint = "put one of the two into a selection of its own"
            yield Issue(code="MS006", message=message, path=document.path, line=document.line_of(*where), hint=hint)
        odd = _odd_value(document, name, values, where)
        yield from odd or guarded(document, partial(item_of, name, values), *where)[1]


def _odd_value(document: Document, key: str, value: object, where: Keys) -> list[Issue]:
    """Values that pySigma takes and should not: a number as a pattern, and windash, 5 forms to the power of its dashes."""
    values = value if isinstance(value, list) else [value]
    modifiers = key.split("|")[1:]
    line = document.line_of(*where)
    if "re" in modifiers and not all(isinstance(one, str) for one in values):
        message, hint = "a regular expression must be text", "put the pattern in quotes"
        return [Issue(code="MS014", message=message, path=document.path, line=line, hint=hint)]
    if "windash" in modifiers and any(len(_DASH.findall(str(one))) > _MOST_DASHES for one in values):
        message = f"windash on a value with more than {_MOST_DASHES} options has too many forms"
        hint = "split the value into one of each option"
        return [Issue(code="MS008", message=message, path=document.path, line=line, hint=hint)]
    return []


def _condition_issues(
    document: Document, section: str, condition: str, selections: Mapping[str, object], *, sound: bool
) -> Iterator[Issue]:
    line = document.line_of(section, "condition")
    faults = list(condition_faults(condition, selections))
    if faults:
        first, more = faults[0], f" (and {len(faults) - 1} more)" if len(faults) > 1 else ""
        yield Issue(code=first.code, message=first.message + more, path=document.path, line=line, hint=first.hint)
    if sound and not faults:
        # The whole of it, as the engine and the backends will ask for it.
        parse = partial(_parsed, {**selections, "condition": condition})
        yield from guarded(document, parse, section, "condition")[1]


def _parsed(section: dict[str, object]) -> object:
    return [one.parsed for one in detections_of(section).parsed_condition]


def _filter_issues(document: Document, node: Mapping[str, object]) -> Iterator[Issue]:
    rules = node.get("rules")
    hint = "give 'rules: any', or a list of rule ids or names"
    listed = isinstance(rules, list) and all(isinstance(rule, str) for rule in rules)
    if not isinstance(rules, str) and not listed:
        message = "the filter does not say which rules it is for" if rules is None else "rules must be text or a list"
        line = document.line_of("filter", "rules")
        yield Issue(code="MS024", message=message, path=document.path, line=line, hint=hint)
    if isinstance(node["condition"], list):
        line = document.line_of("filter", "condition")
        message = "a filter has one condition"
        yield Issue(
            code="MS024", message=message, path=document.path, line=line, hint="join the conditions with and, or"
        )


def _correlation_issues(document: Document, node: object) -> Iterator[Issue]:
    timespan = node.get("timespan") if isinstance(node, dict) else None
    if not isinstance(timespan, str) or not _TIMESPAN.fullmatch(timespan):
        yield _bad_timespan(document, timespan)
        return
    try:
        correlation_of({"title": "t", "correlation": node})
    except CRASHES as error:
        yield _correlation_issue(error, document)


def _correlation_issue(error: BaseException, document: Document) -> Issue:
    """The issue of an error that pySigma located nowhere: its words say which key it is about."""
    keys: Sequence[str] = ("group-by", "aliases", "generate", "timespan", "condition", "type", "rule")
    issue = issue_of(error, document)
    if issue.code not in {"MS017", "MS018", "MS019", "MS020"}:
        return issue_of(error, document, "correlation", "condition")
    key = next((key for key in keys if key in issue.message.lower().removeprefix("sigma correlation rule")), "")
    return issue_of(error, document, "correlation", *([key] if key else []))


def _bad_timespan(document: Document, timespan: object) -> Issue:
    return Issue(
        code="MS018",
        message=f"'{timespan}' is not a timespan",
        path=document.path,
        line=document.line_of("correlation", "timespan"),
        hint="write a whole number above zero and a unit: 30s, 5m, 1h, 1d, 2w, 1M, 1y",
    )
