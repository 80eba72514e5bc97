"""`convert`: the rules as queries of a target, or as the file that target imports."""

from collections.abc import Sequence

import click

from mcp_siem.cli import options
from mcp_siem.cli.console import Console, console
from mcp_siem.cli.loading import backend_named, open_pack, render, say_off
from mcp_siem.convert.target import Query, Refusal
from mcp_siem.deploy.client import Backend
from mcp_siem.errors import UsageError
from mcp_siem.report.document import document_bytes
from mcp_siem.report.terminal import safe
from mcp_siem.rules.rule import Rule

__all__ = ["command"]


@click.command("convert")
@options.rules
@options.target
@options.formats("text", "json", "ndjson", "conf")
@options.output
@options.common
@click.pass_context
def command(
    ctx: click.Context,
    rules: Sequence[str],
    target: str | None,
    form: str,
    output: str | None,
    quiet: bool,
    no_color: bool,
) -> None:
    """Print the rules as queries of --target; `ndjson` is Kibana's import file, `conf` Splunk's savedsearches.conf."""
    backend = backend_named(target)
    pack = open_pack(rules, options.settings_of(ctx))
    with console(output, quiet=quiet, no_color=no_color) as out:
        say_off(pack, out)
        if form in ("ndjson", "conf"):
            _write_export(out, backend, form, pack.alerting())
            return
        kind = backend.target()
        answers = [kind.query(rule) for rule in pack.alerting()]
        if form == "json":
            out.line(document_bytes([_json(answer) for answer in answers], indent=True))
        else:
            _write_text(out, answers)


def _json(answer: Query | Refusal) -> dict[str, object]:
    refused = {"code": answer.code, "reason": answer.reason} if isinstance(answer, Refusal) else None
    query = answer if isinstance(answer, Query) else None
    return {
        "rule_id": answer.rule_id,
        "stem": answer.stem,
        "language": query.language if query else None,
        "text": query.text if query else None,
        "notes": list(query.notes) if query else [],
        "refused": refused,
    }


def _write_text(out: Console, answers: Sequence[Query | Refusal]) -> None:
    for answer in answers:
        if isinstance(answer, Query):
            out.line(out.style.paint(f"# {safe(answer.stem)} ({answer.language})", "bold"))
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


def _write_export(out: Console, backend: Backend, form: str, rules: Sequence[Rule]) -> None:
    exports = backend.exports()
    if form not in exports:
        raise UsageError(
            f"{backend.name} has no {form} file",
            hint=f"use --format with one of: text, json, {', '.join(sorted(exports))}",
        )
    resources, refusals = render(backend.target(), rules)
    out.data(exports[form]([resource for resource, _ in resources]))
    for refusal in refusals:
        _say_refusal(out, refusal)
