"""`convert`: the rules as queries of a target, or as the file that target imports."""

import json
from collections.abc import Iterable, Sequence
from pathlib import Path

import click

from mcp_siem.cli import options
from mcp_siem.cli.console import Console, console
from mcp_siem.cli.converting import converted
from mcp_siem.cli.loading import all_backends, backend_named, open_pack, render, say_off
from mcp_siem.convert.target import Query, Refusal, Target
from mcp_siem.deploy.client import Backend
from mcp_siem.errors import ConfigError, UsageError
from mcp_siem.prove.portability import judged_pack, portability
from mcp_siem.report.document import document_bytes
from mcp_siem.report.portability import PORTABILITY_FORMATS, render_portability
from mcp_siem.report.terminal import safe
from mcp_siem.rules.rule import Rule, RulePack

__all__ = ["command"]


@click.command("convert")
@options.rules
@options.targets
@click.option(
    "--report",
    is_flag=True,
    envvar="MCP_SIEM_REPORT",
    help="Say which rule means the same on which target; default is all targets.",
)
@click.option(
    "--fields",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    envvar="MCP_SIEM_FIELDS",
    help="The answer of Elasticsearch's _field_caps: queries for an index of somebody else's mapping.",
)
@options.formats("text", "json", "ndjson", "conf", "sarif")
@options.output
@options.common
@click.pass_context
def command(
    ctx: click.Context,
    rules: Sequence[str],
    targets: Sequence[str],
    report: bool,
    fields: Path | None,
    form: str,
    output: str | None,
    quiet: bool,
    no_color: bool,
) -> None:
    """Print the rules as queries of --target; `ndjson` is Kibana's import file, `conf` Splunk's savedsearches.conf.

    With several --target, text and json hold the queries of one after those of the other; json names the target of each.

    With --report, say instead of each rule and target whether the query is exact, approximate or refused.
    """
    settings = options.settings_of(ctx)
    backends = [backend_named(name) for name in dict.fromkeys(targets)]
    if report:
        _check_form(form, PORTABILITY_FORMATS, "--report")
        open_pack(rules, settings)
        chosen = [Path(path) for path in rules] or None
        pack, proven = judged_pack(chosen, settings.variables)
        kinds = [_target(one, fields) for one in backends or all_backends()]
        with console(output, quiet=quiet, no_color=no_color) as out:
            out.data(render_portability(portability(pack, kinds, proven=proven), form, out.style))
        return
    _check_form(form, ("text", "json", "ndjson", "conf"), "convert without --report")
    if not backends:
        backend_named(None)
    if len(backends) > 1 and form in ("ndjson", "conf"):
        raise UsageError(f"{form} is the file of one target", hint="give --target once")
    pack = open_pack(rules, settings)
    with console(output, quiet=quiet, no_color=no_color) as out:
        say_off(pack, out)
        if form in ("ndjson", "conf"):
            _write_export(out, backends[0], _target(backends[0], fields), form, pack.alerting())
            return
        _write_queries(out, [_target(backend, fields) for backend in backends], form, pack)


def _target(backend: Backend, fields: Path | None) -> Target:
    """The backend's pure half: for its own index, or for the fields that somebody else's index has."""
    if fields is None:
        return backend.target()
    target_on = getattr(backend, "target_on", None)
    if target_on is None:
        raise UsageError(f"{backend.name} reads no --fields", hint="use --fields with --target elastic")
    try:
        caps = json.loads(fields.read_bytes())
    except (ValueError, RecursionError, OSError) as fault:
        raise ConfigError(
            f"{fields}: no JSON: {fault}", hint="save the answer of GET INDEX/_field_caps?fields=*"
        ) from fault
    target: Target = target_on(caps, where=str(fields))
    return target


def _check_form(form: str, known: Iterable[str], verb: str) -> None:
    if form not in known:
        raise UsageError(f"{verb} has no form {form}", hint=f"use --format with one of: {', '.join(known)}")


def _write_queries(out: Console, targets: Sequence[Target], form: str, pack: RulePack) -> None:
    rules = pack.alerting()
    found = converted(targets, rules)
    if form == "json":
        answers = [dict(zip((rule.id for rule in rules), row, strict=True)) for row in found]
        shown = [rule for rule in pack if rule.alerts and rule.kind != "filter"]
        entries = [
            _off_json(rule, target.name) if rule.off else _json(row[rule.id])
            for target, row in zip(targets, answers, strict=True)
            for rule in shown
        ]
        out.line(document_bytes(entries, indent=True))
    else:
        _write_text(out, [answer for row in found for answer in row], several=len(targets) > 1)


def _off_json(rule: Rule, target: str) -> dict[str, object]:
    """A rule that is off has no query, and says why; `refused` is set too, for whoever looks for a text where it is null."""
    return {
        "rule_id": rule.id,
        "stem": rule.stem,
        "target": target,
        "language": None,
        "text": None,
        "notes": [],
        "refused": {"code": "OFF", "reason": rule.off},
        "off": rule.off,
    }


def _json(answer: Query | Refusal) -> dict[str, object]:
    refused = {"code": answer.code, "reason": answer.reason} if isinstance(answer, Refusal) else None
    query = answer if isinstance(answer, Query) else None
    return {
        "rule_id": answer.rule_id,
        "stem": answer.stem,
        "target": answer.target,
        "language": query.language if query else None,
        "text": query.text if query else None,
        "notes": list(query.notes) if query else [],
        "refused": refused,
        "off": None,
    }


def _write_text(out: Console, answers: Sequence[Query | Refusal], *, several: bool) -> None:
    for answer in answers:
        if isinstance(answer, Query):
            out.line(
                out.style.paint(
                    f"# {safe(answer.stem)} ({f'{answer.target}, ' if several else ''}{answer.language})", "bold"
                )
            )
            out.line(answer.text)
            for note in answer.notes:
                out.line(f"# note: {safe(note)}")
            out.line("")
    for answer in answers:
        if isinstance(answer, Refusal):
            _say_refusal(out, answer)


def _say_refusal(out: Console, refusal: Refusal) -> None:
    hint = f"; {refusal.hint}" if refusal.hint else ""
    out.note(refusal.stem, f"refused on {refusal.target}: {refusal.code}: {refusal.reason}{hint}")


def _write_export(out: Console, backend: Backend, target: Target, form: str, rules: Sequence[Rule]) -> None:
    exports = backend.exports()
    if form not in exports:
        raise UsageError(
            f"{backend.name} has no {form} file",
            hint=f"use --format with one of: text, json, {', '.join(sorted(exports))}",
        )
    resources, refusals = render(target, rules)
    out.data(exports[form]([resource for resource, _ in resources]))
    for refusal in refusals:
        _say_refusal(out, refusal)
