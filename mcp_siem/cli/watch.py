"""`watch`: files that grow, standard input and sockets in, alerts out, until it is stopped."""

import gc
import json
import os
import resource
import signal
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from time import monotonic

import click

from mcp_siem.cli import options
from mcp_siem.cli.console import Console, console
from mcp_siem.cli.loading import make_deriver, open_pack, say_native, say_off
from mcp_siem.cli.memory import Memory
from mcp_siem.cli.watching import Parts, Runner, Teller, wall_clock
from mcp_siem.engine.engine import Engine
from mcp_siem.errors import UsageError
from mcp_siem.events.derive import Deriver
from mcp_siem.events.time import format_time
from mcp_siem.inventory.known import KnownItems
from mcp_siem.report.alerts import AlertStory
from mcp_siem.rules.card import rule_card
from mcp_siem.sinks.dead import DeadLetters, read_letters
from mcp_siem.sinks.local import LocalSink
from mcp_siem.sinks.port import Notice, Sink
from mcp_siem.sinks.table import open_sink
from mcp_siem.sources.port import Normaliser
from mcp_siem.sources.table import source_named
from mcp_siem.stream.checkpoint import CheckpointFile
from mcp_siem.stream.follow import Follower
from mcp_siem.stream.listen import BoundedServer, Tally, TcpServer, is_local, parse_address
from mcp_siem.stream.pipe import Pipe
from mcp_siem.stream.receive import HttpServer
from mcp_siem.stream.space import Space
from mcp_siem.stream.spool import Spool
from mcp_siem.stream.watch import Clock, Policy, Watch

__all__ = ["command"]

_DEAD = "mcp-siem-dead-letters.jsonl"
_GRACE = 600.0
# Events leave no cycles behind: what the collector looks for is rare.
_GARBAGE = 50_000


@click.command("watch")
@click.argument("paths", nargs=-1, metavar="[FILE...]")
@options.rules
@options.source
@click.option(
    "--listen",
    multiple=True,
    metavar="URL",
    envvar="MCP_SIEM_LISTEN",
    help="Take lines at tcp://127.0.0.1:PORT, or OTLP logs and lines at http://127.0.0.1:PORT; repeatable.",
)
@click.option(
    "--listen-any",
    is_flag=True,
    envvar="MCP_SIEM_LISTEN_ANY",
    help="Let --listen name an address that other machines reach. HTTP can ask for MCP_SIEM_LISTEN_TOKEN.",
)
@click.option(
    "--sink",
    "sinks",
    multiple=True,
    metavar="SINK",
    envvar="MCP_SIEM_SINK",
    help="stdout (default), file:PATH, https://..., syslog://HOST:PORT, syslog+udp://, syslog+tls://; repeatable.",
)
@click.option(
    "--checkpoint", metavar="FILE", envvar="MCP_SIEM_CHECKPOINT", help="Where the watch stands; a later one goes on."
)
@click.option(
    "--checkpoint-interval",
    type=click.FloatRange(0.05, 3600),
    default=1.0,
    metavar="SECONDS",
    envvar="MCP_SIEM_CHECKPOINT_INTERVAL",
    show_default=True,
    help="Alerts of so long may come twice after a crash.",
)
@click.option(
    "--lateness",
    type=click.FloatRange(0, 3600),
    default=1.0,
    metavar="SECONDS",
    envvar="MCP_SIEM_LATENESS",
    show_default=True,
    help="How long correlations wait for events that come out of order; later ones count as of the newest time.",
)
@click.option(
    "--from",
    "start",
    type=click.Choice(("start", "end")),
    default="start",
    envvar="MCP_SIEM_FROM",
    show_default=True,
    help="Where to begin in files that are there already.",
)
@click.option(
    "--every",
    is_flag=True,
    envvar="MCP_SIEM_EVERY",
    help="An alert at each event at which a correlation holds, not one a burst.",
)
@click.option("--dead-letters", metavar="FILE", envvar="MCP_SIEM_DEAD_LETTERS", help=f"Default: {_DEAD}.")
@click.option("--spool", metavar="DIR", envvar="MCP_SIEM_SPOOL", help="Where --listen stores what came in.")
@click.option(
    "--resend", metavar="FILE", help="Send the alerts of a dead-letter file to the sinks again, and watch nothing."
)
@options.inventory
@options.formats("text", "jsonl")
@options.common
@click.pass_context
def command(
    ctx: click.Context,
    paths: Sequence[str],
    rules: Sequence[str],
    source: str,
    listen: Sequence[str],
    listen_any: bool,
    sinks: Sequence[str],
    checkpoint: str | None,
    checkpoint_interval: float,
    lateness: float,
    start: str,
    every: bool,
    dead_letters: str | None,
    spool: str | None,
    resend: str | None,
    inventory: str | None,
    form: str,
    quiet: bool,
    no_color: bool,
) -> int:
    """Follow files as they grow (FILE, directory, pattern, or - for standard input) and alert as events come.

    Rotation, truncation and files that appear later are followed. Ends on SIGINT or SIGTERM with everything saved.
    """
    _take_all_files()
    if not paths and not listen and resend is None:
        raise UsageError("there is nothing to watch", hint="name a file, - for standard input, or --listen")
    with console(None, quiet=quiet, no_color=no_color) as out, ExitStack() as stack:
        letters = dead_letters or (f"{checkpoint}.dead-letters.jsonl" if checkpoint else _DEAD)
        dead = DeadLetters(letters, now=_now)
        said = list(dict.fromkeys(sinks)) or ["stdout"]
        opened = [
            _stdout(dead, form) if one == "stdout" else open_sink(one, os.environ, dead=dead, now=_now) for one in said
        ]
        if resend is not None:
            return _resend(resend, opened, dead, out)
        saved = CheckpointFile(checkpoint) if checkpoint else None
        named = None if source == "auto" else source_named(source)
        pack = open_pack(rules, options.settings_of(ctx))
        say_off(pack, out)
        say_native(pack, out)
        memory = Memory(inventory, wall_clock)
        tally = Tally()
        servers = _Servers(listen, any_address=listen_any, place=_spool_place(spool, checkpoint, stack), tally=tally)
        files = [path for path in paths if path != "-"]
        follower = Follower([*files, *servers.folders], at_end=start == "end")
        story = AlertStory({rule.id: rule_card(rule) for rule in pack}, out.style) if form == "text" else None
        teller = Teller(out, opened, dead, story=story)
        watch = Watch(
            Engine(pack, every=every),
            teller,
            open_space=_spaces(make_deriver(rules), named, servers.folders),
            clock=Clock(monotonic=monotonic, wall=wall_clock),
            policy=Policy(lateness=lateness),
            known=memory.known,
        )
        parts = Parts(
            watch=watch,
            follower=follower,
            teller=teller,
            sinks=opened,
            dead=dead,
            out=out,
            interval=checkpoint_interval,
            pipe=Pipe(0) if "-" in paths else None,
            checkpoint=saved,
            spools=servers.spools,
            servers=servers.servers,
            heartbeat=_heartbeat(quiet=quiet),
            tally=tally,
            memory=memory,
            space_of=servers.space_of,
        )
        _run(Runner(parts), servers, out)
    return 0


def _run(runner: Runner, servers: "_Servers", out: Console) -> None:
    runner.resume()
    servers.start(out)
    # What was loaded stays: the collector need not look at it again with every event.
    gc.collect()
    gc.freeze()
    gc.set_threshold(_GARBAGE, 20, 100)
    with _signals(runner.stop):
        runner.run()
        runner.end(over=not runner.stopped)


def _take_all_files() -> None:
    """Lets the process open as many files as it may: a directory may hold more than a shell allows at first."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        with suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def _now() -> str:
    return format_time(wall_clock())


def _heartbeat(*, quiet: bool) -> bool:
    """Whether a line that is written over and over has somebody to see it, and disturbs no alert."""
    streams = (sys.stderr, sys.stdout)
    if quiet or None in streams:
        return False
    return sys.stderr.isatty() and not sys.stdout.isatty()


def _stdout(dead: DeadLetters, form: str) -> LocalSink:
    if sys.stdout is None:
        raise UsageError("there is no standard output", hint="name another --sink")
    terminal = sys.stdout.isatty()

    def shown(notice: Notice) -> bytes:
        if form == "text" and notice.text is not None:
            return notice.text
        # A terminal may obey what a log holds: there, everything but ASCII is spelled.
        return (json.dumps(json.loads(notice.line)).encode() if terminal else notice.line) + b"\n"

    return LocalSink("stdout", sys.stdout.fileno(), dead=dead, shown=shown)


def _spaces(
    deriver: Deriver, named: Normaliser | None, mixed: Sequence[str]
) -> Callable[[str, KnownItems], tuple[Space, bool]]:
    """Makes the space of a name: of a listener or a pipe, where lines of many sources may stand, or of a file."""

    def opened(name: str, known: KnownItems) -> tuple[Space, bool]:
        fleeting = name == "-" or name in mixed
        return Space(name, complete=deriver, known=known, source=named, mixed=name in mixed), fleeting

    return opened


def _spool_place(spool: str | None, checkpoint: str | None, stack: ExitStack) -> Callable[[], str]:
    """Where spools lie: where it was said, beside the checkpoint, or for this run alone."""

    def place() -> str:
        if spool or checkpoint:
            return spool or f"{checkpoint}.spool"
        return stack.enter_context(tempfile.TemporaryDirectory(prefix="mcp-siem-"))

    return place


class _Servers:
    """The listeners of a run with their spools."""

    def __init__(self, listen: Sequence[str], *, any_address: bool, place: Callable[[], str], tally: Tally) -> None:
        self.folders: list[str] = []
        self.spools: list[Spool] = []
        self.servers: list[BoundedServer] = []
        self._said = list(dict.fromkeys(listen))
        self._reached: list[str] = []
        token = os.environ.get("MCP_SIEM_LISTEN_TOKEN") or None
        top = place() if self._said else ""
        for one in self._said:
            scheme, host, port = parse_address(one)
            if not is_local(host):
                if not any_address:
                    hint = "use 127.0.0.1, or say --listen-any if that is meant"
                    raise UsageError("other machines can reach this address", source=one, hint=hint)
                self._reached.append(one)
            name = f"{scheme}-{host.replace(':', '_')}-{port}"
            spool = Spool(str(Path(top) / name))
            self.spools.append(spool)
            self.folders.append(spool.folder)
            local = "127.0.0.1" if host.lower() == "localhost" else host
            if scheme == "tcp":
                self.servers.append(TcpServer(local, port, spool, tally=tally))
            else:
                self.servers.append(HttpServer(local, port, spool, tally=tally, token=token))

    def start(self, out: Console) -> None:
        """Begins to listen, and says where."""
        for said, server in zip(self._said, self.servers, strict=True):
            server.start()
            out.say(f"listening at {said.rpartition(':')[0]}:{server.port}")
        for said in self._reached:
            out.note(said, "other machines can reach this address, and what they send is not encrypted")

    def space_of(self, path: str) -> str:
        """The connection space of a file: all files of a spool are one."""
        folder = str(Path(path).parent)
        return folder if folder in self.folders else path


@contextmanager
def _signals(stop: Callable[[], None]) -> Iterator[None]:
    """The first SIGINT or SIGTERM ends the watch cleanly, the second at once."""

    def handle(_number: int, _frame: object) -> None:
        stop()
        for one in (signal.SIGINT, signal.SIGTERM):
            signal.signal(one, signal.default_int_handler)

    before = {one: signal.signal(one, handle) for one in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for one, handler in before.items():
            signal.signal(one, handler)


def _resend(path: str, sinks: Sequence[Sink], dead: DeadLetters, out: Console) -> int:
    """Sends dead letters again; what fails again becomes a dead letter anew, in the file of this run."""
    if dead.path == path:
        hint = "give --dead-letters another name: what fails again goes there"
        raise UsageError("the same file cannot be sent and written", source=path, hint=hint)
    letters = list(read_letters(path))
    for _, notice in letters:
        for sink in sinks:
            sink.write(notice)
    for sink in sinks:
        for notice in sink.close(_GRACE):
            dead.alert(sink.name, notice, "it was not delivered in time")
    dead.close()
    out.say(f"{len(letters)} alerts sent again; {dead.alerts} failed" + (f", see {dead.path}" if dead.alerts else ""))
    return 0
