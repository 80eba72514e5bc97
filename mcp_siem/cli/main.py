"""Entry point: finds the verb, runs it, and turns every outcome into an exit code."""

import importlib
import logging
import os
import signal
import sys
from collections.abc import Mapping
from typing import NoReturn

import click
from click.exceptions import NoArgsIsHelpError

from mcp_siem import __version__
from mcp_siem.cli.output import ReaderGoneError, words
from mcp_siem.cli.settings import origin_of
from mcp_siem.errors import McpSiemError, PackError, UsageError
from mcp_siem.report.terminal import safe

__all__ = ["VERBS", "cli", "main"]

VERBS: Mapping[str, str] = {
    "apply": "Carry out a plan on the SIEM; safe to interrupt and to repeat.",
    "check": "Lint the rules and replay their fixtures.",
    "config": "Show the settings in force and where each comes from.",
    "convert": "Print the rules as queries of a target.",
    "coverage": "Show which threats of the catalogue the rules see.",
    "explain": "Show which part of a rule held on an event, and the window of a correlation.",
    "inventory": "Show, approve and compare the servers and tools that were seen.",
    "list": "List the rules of the pack.",
    "measure": "Say what the rules catch, miss and flag for nothing on labelled data.",
    "normalise": "Turn raw records into events.",
    "plan": "Show what would change on the SIEM.",
    "replay": "Run the rules over captures or events and print alerts.",
    "sources": "Show which source can feed which rule.",
    "template": "Print the index template that the queries rely on.",
    "watch": "Follow logs as they grow, alert as events come, and survive a crash.",
}
_INTERRUPTED = 130
_FREE = "check the disk and the rights; temporary files go where TMPDIR says"


class _Verbs(click.Group):
    """Loads a verb's module only when it is called: --version and --help touch nothing else."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        return sorted(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - click's signature
        if cmd_name not in VERBS:
            return None
        command = importlib.import_module(f"mcp_siem.cli.{cmd_name}").command
        return command if isinstance(command, click.Command) else None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 - click's signature
        with formatter.section("Verbs"):
            formatter.write_dl(sorted(VERBS.items()))


@click.group(cls=_Verbs, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="mcp-siem")
def cli() -> None:
    """Detections for the Model Context Protocol (MCP) as code."""


def main() -> NoReturn:
    """Runs the command line and exits with a code of the table in the README."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # a supervisor's stop leaves as little behind as Ctrl-C
    code = _outcome()
    _drop_unwritten()
    sys.exit(code)


def _outcome() -> int:
    try:
        result = cli.main(standalone_mode=False)
    except Exception as error:  # noqa: BLE001 - the one place that catches bugs, to show no traceback to a user
        return _failed(error)
    except KeyboardInterrupt:
        words("interrupted")
        return _INTERRUPTED
    return result if isinstance(result, int) else 0


def _failed(error: Exception) -> int:
    match error:
        case McpSiemError():
            _say_error(error)
            return error.exit_code
        case click.ClickException():
            _say_misuse(error)
            return error.exit_code
        case click.Abort():
            words("interrupted")
            return _INTERRUPTED
        case ReaderGoneError():
            return 0
        case OSError():
            place = str(error.filename or "") or None
            _say_located(place, f"the system refuses: {error.strerror or error}", _FREE)
            return UsageError.exit_code
    return _say_bug(error)


def _drop_unwritten() -> None:
    """What could not be written is told by now; Python would try again at its end, and speak of it in its own words."""
    for stream in (sys.stdout, sys.stderr):
        if stream is None:
            continue
        try:
            stream.flush()
        except OSError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def _say_misuse(error: click.ClickException) -> None:
    context = error.ctx if isinstance(error, click.UsageError) else None
    if isinstance(error, NoArgsIsHelpError):
        words(error.format_message())
    else:
        _say_located(
            _origin(error), error.format_message(), f"{context.command_path if context else 'mcp-siem'} --help"
        )


def _origin(error: click.ClickException) -> str | None:
    """Where a wrong value stands, if not on the command line: a variable or the settings file."""
    if not isinstance(error, click.BadParameter) or error.param is None or error.ctx is None:
        return None
    _, origin = origin_of(error.param, error.ctx)
    return None if origin in ("flag", "default") else origin


def _say_error(error: McpSiemError) -> None:
    issues = error.issues if isinstance(error, PackError) else ()
    if not issues:
        _say_located(error.source, error.message, error.hint)
    for issue in issues:
        _say_located(f"{issue.path}:{issue.line}", issue.message, issue.hint)


def _say_located(source: str | None, message: str, hint: str | None) -> None:
    place = f"{safe(source)}: " if source else ""
    words(f"error: {place}{safe(message)}")
    if hint:
        words(f"  next: {safe(hint)}")


def _say_bug(error: Exception) -> int:
    logging.getLogger("mcp_siem").debug("unexpected error", exc_info=error)
    words(f"error: a bug in mcp-siem: {type(error).__name__}: {safe(str(error))}")
    words("  next: run again with -v for the traceback and report it with the input that caused it")
    return 1


if __name__ == "__main__":
    main()
