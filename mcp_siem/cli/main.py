"""Entry point: finds the verb, runs it, and turns every outcome into an exit code."""

import importlib
import logging
import os
import sys
from collections.abc import Mapping
from typing import NoReturn

import click

from mcp_siem import __version__
from mcp_siem.cli.console import ReaderGoneError
from mcp_siem.errors import McpSiemError, PackError
from mcp_siem.report.terminal import safe

__all__ = ["VERBS", "cli", "main"]

VERBS: Mapping[str, str] = {
    "apply": "Carry out a plan on the SIEM; safe to interrupt and to repeat.",
    "check": "Lint the rules and replay their fixtures.",
    "config": "Show the settings in force and where each comes from.",
    "convert": "Print the rules as queries of a target.",
    "explain": "Show which part of a rule's condition held on an event.",
    "list": "List the rules of the pack.",
    "normalise": "Turn raw records into events.",
    "plan": "Show what would change on the SIEM.",
    "replay": "Run the rules over captures or events and print alerts.",
    "template": "Print the index template that the queries rely on.",
}
_INTERRUPTED = 130


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
    sys.exit(_outcome())


def _outcome() -> int:
    try:
        result = cli.main(standalone_mode=False)
    except McpSiemError as error:
        _say_error(error)
        return error.exit_code
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except (KeyboardInterrupt, click.Abort):
        click.echo("interrupted", err=True)
        return _INTERRUPTED
    except ReaderGoneError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except Exception as error:  # noqa: BLE001 - the one place that catches bugs, to show no traceback to a user
        return _say_bug(error)
    return result if isinstance(result, int) else 0


def _say_error(error: McpSiemError) -> None:
    issues = error.issues if isinstance(error, PackError) else ()
    if not issues:
        _say_located(error.source, error.message, error.hint)
    for issue in issues:
        _say_located(f"{issue.path}:{issue.line}", issue.message, issue.hint)


def _say_located(source: str | None, message: str, hint: str | None) -> None:
    place = f"{safe(source)}: " if source else ""
    click.echo(f"error: {place}{safe(message)}", err=True)
    if hint:
        click.echo(f"  next: {safe(hint)}", err=True)


def _say_bug(error: Exception) -> int:
    logging.getLogger("mcp_siem").debug("unexpected error", exc_info=error)
    click.echo(f"error: a bug in mcp-siem: {type(error).__name__}: {safe(str(error))}", err=True)
    click.echo("  next: run again with -v for the traceback and report it with the input that caused it", err=True)
    return 1


if __name__ == "__main__":
    main()
