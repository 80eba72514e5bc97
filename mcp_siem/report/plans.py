"""A plan for people: what would change on the SIEM, why, and what somebody changed there by hand."""

import html
from collections import Counter
from collections.abc import Callable, Iterable, Mapping

from mcp_siem.convert.target import Action, Change
from mcp_siem.deploy.apply import ApplyReport, Outcome, Result
from mcp_siem.deploy.plan import Plan, plan_to_json
from mcp_siem.report.terminal import Style, safe

__all__ = ["PLAN_FORMATS", "outcome_line", "render_plan", "report_lines"]

_SIGNS = {Action.NOOP: " ", Action.CREATE: "+", Action.UPDATE: "~", Action.DELETE: "-", Action.ADOPT: "="}


def render_plan(plan: Plan, form: str, style: Style) -> str:
    """The plan in one of PLAN_FORMATS, ending with a line end."""
    return PLAN_FORMATS[form](plan, style)


def _text(plan: Plan, style: Style) -> str:
    shown = [change for change in plan.changes if change.action is not Action.NOOP or change.reasons]
    lines = [line for change in shown for line in _change_lines(change, style)]
    lines.append(_verdict(plan))
    return "\n".join(lines) + "\n"


def _verdict(plan: Plan) -> str:
    counts = Counter(change.action for change in plan.changes)
    words = ", ".join(
        f"{counts[action]} to {action}" for action in Action if action is not Action.NOOP and counts[action]
    )
    same = f"{counts[Action.NOOP]} unchanged"
    return f"{plan.target}: {words or 'nothing to do'}, {same}."


def _change_lines(change: Change, style: Style) -> Iterable[str]:
    colour = {"create": "low", "update": "medium", "delete": "high", "adopt": "medium"}.get(change.action, "dim")
    yield (
        style.paint(f"{_SIGNS[change.action]} {change.action:<7}", colour)
        + f" {safe(change.title)}  ({safe(change.address)})"
    )
    yield from (f"          because {safe(reason)}" for reason in change.reasons)


def _json(plan: Plan, _style: Style) -> str:
    return plan_to_json(plan).rstrip("\n") + "\n"


def _markdown(plan: Plan, _style: Style) -> str:
    rows = ["| | rule | address | why |", "|---|---|---|---|"]
    rows += [
        f"| {change.action} | {_md(change.title)} | `{_md(change.address)}` | {_md('; '.join(change.reasons))} |"
        for change in plan.changes
        if change.action is not Action.NOOP or change.reasons
    ]
    return f"**{_md(_verdict(plan))}**\n\n" + ("\n".join(rows) + "\n" if len(rows) > 2 else "")  # noqa: PLR2004 - the head is two rows


def _md(text: str) -> str:
    escaped = html.escape(safe(text), quote=False)
    return "".join(f"\\{char}" if char in r"\`*_[]|#!" else char for char in escaped)


def _html(plan: Plan, _style: Style) -> str:
    rows = "".join(
        f"<tr class={change.action}><td>{change.action}<td>{html.escape(safe(change.title))}"
        f"<td><code>{html.escape(safe(change.address))}</code><td>{html.escape(safe('; '.join(change.reasons)))}\n"
        for change in plan.changes
    )
    style = "body{font:14px sans-serif}td,th{padding:4px 10px;text-align:left}.create{background:#e6ffec}.update{background:#fff8c5}.delete{background:#ffebe9}"
    return (
        f"<!doctype html><html lang=en><meta charset=utf-8><title>mcp-siem plan</title><style>{style}</style>\n"
        f"<h1>{html.escape(_verdict(plan))}</h1>\n<table><tr><th>action<th>rule<th>address<th>why\n{rows}</table></html>\n"
    )


PLAN_FORMATS: Mapping[str, Callable[[Plan, Style], str]] = {
    "text": _text,
    "json": _json,
    "markdown": _markdown,
    "html": _html,
}


def outcome_line(outcome: Outcome, style: Style) -> str:
    """One change that was carried out, or why it was not."""
    colour = {Result.FAILED: "high", Result.STALE: "medium"}.get(outcome.result, "dim")
    detail = f": {safe(outcome.detail)}" if outcome.detail else ""
    hint = f"\n    next: {safe(outcome.hint)}" if outcome.hint else ""
    return f"{style.paint(f'{outcome.result:<9}', colour)} {outcome.action:<7} {safe(outcome.title)}{detail}{hint}"


def report_lines(report: ApplyReport) -> Iterable[str]:
    """The closing line of an apply: how many changes ended in which way."""
    counts = [f"{len(report.ended(result))} {result}" for result in Result if report.ended(result)]
    yield f"{report.target}: {', '.join(counts) or 'nothing to do'}."
