"""Real engines for as long as somebody needs them: `with running("elasticsearch") as url:`.

A keeper process starts the engine and ends it when its standard input closes. The kernel closes it with the process that
holds the other end, however that ends, so a crashed or killed test run leaves nothing behind.

By hand: `running.py ENGINE` runs one until Ctrl-D or Ctrl-C; `running.py ENGINE COMMAND...` for as long as a command runs,
which finds the address in MCP_SIEM_ELASTICSEARCH_URL or MCP_SIEM_OPENSEARCH_URL.
"""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType
from typing import IO

__all__ = ["EngineError", "built", "running"]

ENGINES = Path(__file__).parent
_KEEP = "--keep"
_GRACE = 10.0


class EngineError(Exception):
    """An engine that did not start; the message is one line, what else was said stands on stderr."""


def built(engine: str) -> bool:
    """Whether the engine can be started without fetching anything."""
    command = [sys.executable, ENGINES / engine / "build.py", "--there"]
    return subprocess.run(command, check=False, stdout=subprocess.DEVNULL).returncode == 0


@contextmanager
def running(engine: str, *, scripts: Path = ENGINES) -> Iterator[str]:
    """The address of a fresh engine of that name, which ends with the block or with this process."""
    command = [sys.executable, str(Path(__file__)), _KEEP, str(scripts / engine)]
    # A session of its own: a Ctrl-C at the terminal is for the tests, and they say when to stop.
    keeper = subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert keeper.stdin is not None  # noqa: S101 - given above
    assert keeper.stdout is not None  # noqa: S101
    assert keeper.stderr is not None  # noqa: S101
    last: list[str] = []
    listener = threading.Thread(target=_listen, args=(keeper.stderr, last), daemon=True)
    listener.start()
    try:
        url = keeper.stdout.readline().strip()
        if not url:
            listener.join()
            raise EngineError(*last or [f"{engine} did not start, and said nothing"])
        yield url
    finally:
        keeper.stdin.close()
        keeper.wait()
        listener.join()
        keeper.stdout.close()
        keeper.stderr.close()


def _listen(stream: IO[str], last: list[str]) -> None:
    """Passes on all lines but the last, which is kept: it says why an engine did not start."""
    for line in filter(None, map(str.strip, stream)):
        if last:
            print(last.pop(), file=sys.stderr, flush=True)
        last.append(line)


def _keep(scripts: Path) -> int:
    """Starts the engine, prints its address, and ends it at the end of standard input or at a signal."""
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, _leave)
    folder = Path(tempfile.mkdtemp(prefix=f"mcp-siem-{scripts.name}-"))
    starter = None
    try:
        # What it starts stays in its process group, by which all of it can be ended at any moment.
        starter = subprocess.Popen(
            [scripts / "start.sh", folder],
            env={"PYTHON": sys.executable, **os.environ},
            stdin=subprocess.DEVNULL,
            start_new_session=True,
        )
        threading.Thread(target=_end_with_input, daemon=True).start()
        code = starter.wait()
        while not code:
            signal.pause()
        return code
    finally:
        if starter is not None:
            _end_group(starter)
        shutil.rmtree(folder, ignore_errors=True)


def _leave(number: int, _frame: FrameType | None) -> None:
    sys.exit(128 + number)


def _end_with_input() -> None:
    while os.read(0, 1024):
        pass
    os.kill(os.getpid(), signal.SIGTERM)


def _end_group(starter: subprocess.Popen[bytes]) -> None:
    """Asks the whole group to end, and makes it end after a while."""
    for number, seconds in ((signal.SIGTERM, _GRACE), (signal.SIGKILL, _GRACE)):
        with suppress(ProcessLookupError):
            os.killpg(starter.pid, number)
            end = time.monotonic() + seconds
            while time.monotonic() < end:
                starter.poll()
                os.killpg(starter.pid, 0)
                time.sleep(0.05)


def main(arguments: list[str]) -> int:
    """The keeper, or an engine by hand."""
    if arguments[:1] == [_KEEP]:
        return _keep(Path(arguments[1]))
    known = sorted(path.parent.name for path in ENGINES.glob("*/start.sh"))
    if not arguments or arguments[0] not in known:
        print(f"usage: running.py {'|'.join(known)} [COMMAND...]", file=sys.stderr)
        return 2
    engine, *command = arguments
    try:
        with running(engine) as url:
            if command:
                environ = {**os.environ, f"MCP_SIEM_{engine.upper()}_URL": url}
                return subprocess.run(command, env=environ, check=False).returncode
            print(url, flush=True)
            sys.stdin.read()
    except EngineError as fault:
        print(fault, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
