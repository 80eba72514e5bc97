"""Artifacts of Maven Central, fetched by Maven, used only if their SHA-256 is the pinned one."""

import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

__all__ = ["PinError", "build_command", "cache_dir", "check", "home_dir", "maven", "pins", "readable"]

_PLUGIN = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1"
_NO_MAVEN = "no Maven: put mvn on the path (Debian: apt-get install maven)"


class PinError(Exception):
    """A file is not the one that was pinned, or could not be fetched."""


def cache_dir() -> Path:
    """Where fetched and assembled engines are kept."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "mcp-siem"


def home_dir(script: Path, version: str) -> Path:
    """Where a build script's engine stands: another place whenever the script or the pins change."""
    digest = hashlib.sha256(b"".join(script.with_name(name).read_bytes() for name in (script.name, "SHA256SUMS")))
    return cache_dir() / script.parent.name / f"home-{version}-{digest.hexdigest()[:12]}"


def build_command(build: Callable[[str, Path], None], script: Path, version: str) -> int:
    """The command line of a build script: prints the engine's folder, and builds it first unless `--there` is given.

    An engine that is not there is then an error, and nothing is fetched.
    """
    home = home_dir(script, version)
    if not home.exists() and "--there" in sys.argv[1:]:
        return 1
    try:
        if not home.exists():
            build(version, home)
    except PinError as fault:
        print(fault, file=sys.stderr)
        return 1
    print(home)
    return 0


def readable(home: Path) -> None:
    """Lets every user read and enter what is there: the server may run as another one."""
    for path in [home, *home.rglob("*")]:
        mode = path.stat().st_mode
        path.chmod(mode | (0o555 if path.is_dir() or mode & 0o100 else 0o444))


def pins(file: Path) -> dict[str, str]:
    """Names and hashes of a file in the form of sha256sum."""
    pairs = (line.split("  ", 1) for line in file.read_text(encoding="utf-8").splitlines() if line)
    return {name: digest for digest, name in pairs}


def check(file: Path, name: str, pinned: dict[str, str]) -> None:
    """Refuses, and deletes, a file that is not the pinned one."""
    with file.open("rb") as stream:
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
    if pinned.get(name) != digest:
        file.unlink()
        raise PinError(f"{name}: SHA-256 {digest}, pinned is {pinned.get(name, 'nothing')}")


def maven(goal: str, *options: str, folder: Path) -> None:
    """One goal of the dependency plugin, away from any project; Maven keeps what it fetched in its own repository."""
    tool = shutil.which("mvn")
    if tool is None:
        raise PinError(_NO_MAVEN)
    folder.mkdir(parents=True, exist_ok=True)
    command = [tool, "-q", "-B", "-ntp", "-Dstyle.color=never", f"{_PLUGIN}:{goal}", *options]
    print(f"Maven fetches {options[0].removeprefix('-Dartifact=')}", file=sys.stderr)
    done = subprocess.run(command, cwd=folder, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    if done.returncode:
        print(done.stdout, done.stderr, file=sys.stderr)
        raise PinError(
            f"Maven ended with {done.returncode}, and needs Maven Central or a mirror of it: see its words above"
        )
