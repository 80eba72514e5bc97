"""`measure`: the quality of the rules on labelled corpora."""

import os
from collections.abc import Iterator, Sequence

import click

from mcp_siem.cli import options
from mcp_siem.cli.console import Console, console
from mcp_siem.cli.loading import make_deriver, open_pack, say_off
from mcp_siem.errors import FINDINGS, NoInputError, UsageError
from mcp_siem.prove.corpora import read_corpus
from mcp_siem.prove.corpus import Corpus
from mcp_siem.prove.limits import DEFAULT_LIMITS, parse_limits, standings
from mcp_siem.prove.measure import LEVELS, measure
from mcp_siem.report.measure import MEASURE_FORMATS, MeasureReport, render_measure
from mcp_siem.sources.port import ParseIssue
from mcp_siem.stream.inputs import Input, find_inputs

__all__ = ["command"]

_MAX_BYTES = 256 * 1024 * 1024


@click.command("measure")
@click.argument("paths", nargs=-1, required=True, metavar="CORPUS...")
@options.rules
@click.option(
    "--limit",
    "limits",
    multiple=True,
    metavar="NAME=NUMBER[%]",
    envvar="MCP_SIEM_LIMIT",
    help=f"Quality that must be kept; repeatable. Default: {' '.join(DEFAULT_LIMITS)}.",
)
@click.option(
    "--level",
    type=click.Choice(LEVELS),
    default="medium",
    envvar="MCP_SIEM_LEVEL",
    show_default=True,
    help="Alerts at this level and above count.",
)
@click.option(
    "--label",
    metavar="WORD",
    envvar="MCP_SIEM_LABEL",
    help="What data without a label is: benign (default), malicious, injected ...",
)
@options.formats(*MEASURE_FORMATS)
@options.output
@options.common
@click.pass_context
def command(
    ctx: click.Context,
    paths: Sequence[str],
    rules: Sequence[str],
    limits: Sequence[str],
    level: str,
    label: str | None,
    form: str,
    output: str | None,
    quiet: bool,
    no_color: bool,
) -> int:
    """Replay labelled corpora and say what the rules caught, missed and flagged for nothing; exit 10 if a limit is broken.

    CORPUS is a file or directory: captures with scenarios and labels, rows of tool calls, lists of tool definitions, cases
    of text, or anything that a source knows. calls, definitions, sessions and texts limit how many benign ones may be
    flagged; injected and malicious say how many attacks of that label must be caught.
    """
    wanted = parse_limits(limits)
    pack = open_pack(rules, options.settings_of(ctx))
    with console(output, quiet=quiet, no_color=no_color) as out:
        say_off(pack, out)
        corpora = list(_corpora(paths, label, out))
        measured = measure(pack, corpora, deriver=make_deriver(rules))
        report = MeasureReport(
            measured=measured,
            standings=standings(wanted, measured, level),
            level=level,
            rules=len(pack.alerting()),
            off=[rule.stem for rule in pack if rule.off],
        )
        out.data(render_measure(report, form, out.style))
    return FINDINGS if report.broken else 0


def _corpora(paths: Sequence[str], label: str | None, out: Console) -> Iterator[Corpus]:
    """The corpora of all files; what only stood in a directory and is none is a note."""
    found = 0
    for one in find_inputs(paths, max_line=_MAX_BYTES):
        try:
            corpus = read_corpus(one.name, _content(one), label=label)
        except (UsageError, NoInputError) as error:
            if one.named:
                raise
            out.note(one.name, error.message)
            continue
        found += 1
        for note in corpus.notes:
            out.note(corpus.name, note)
        yield corpus
    if not found:
        raise NoInputError("no corpus in the input", source=os.fspath(paths[0]), hint="name a file of labelled data")


def _content(one: Input) -> bytes:
    """The whole of an input, for a corpus may be one JSON document; blank lines are kept, so that places stay true."""
    data = bytearray()
    line = 1
    for item in one.records():
        if isinstance(item, ParseIssue):
            raise UsageError(item.reason, source=item.ref, hint="a corpus is read whole or not at all")
        number = item.ref.rpartition(":")[2]
        here = int(number) if number.isdigit() else line
        data += b"\n" * (here - line) + item.data
        line = here
        if len(data) > _MAX_BYTES:
            raise UsageError("the corpus is too large", source=one.name, hint="split the file; 256 MiB is the most")
    return bytes(data)
