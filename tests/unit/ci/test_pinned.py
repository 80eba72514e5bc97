"""What is fetched is used only if it is what was pinned; scripts say what they lack in one line."""

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from pinned import PinError, cache_dir, check, maven, pins

ENGINES = Path(__file__).parents[3] / "ci" / "engines"
SCRIPTS = sorted(ENGINES.rglob("*.sh"))


def test_a_pinned_file_is_taken(tmp_path: Path) -> None:
    (tmp_path / "a.jar").write_bytes(b"x")
    check(tmp_path / "a.jar", "a.jar", {"a.jar": hashlib.sha256(b"x").hexdigest()})
    assert (tmp_path / "a.jar").exists()


@pytest.mark.parametrize("pinned", [{}, {"a.jar": "0" * 64}])
def test_a_file_that_is_not_the_pinned_one_is_refused_and_deleted(tmp_path: Path, pinned: dict[str, str]) -> None:
    (tmp_path / "a.jar").write_bytes(b"x")
    with pytest.raises(PinError, match="SHA-256 2d711642"):
        check(tmp_path / "a.jar", "a.jar", pinned)
    assert not (tmp_path / "a.jar").exists()


@pytest.mark.parametrize("engine", ["elasticsearch", "opensearch"])
def test_every_pin_is_a_hash_and_a_name(engine: str) -> None:
    found = pins(ENGINES / engine / "SHA256SUMS")
    assert len(found) > 50
    assert all(len(digest) == 64 and int(digest, 16) >= 0 and name for name, digest in found.items())


def test_the_cache_is_where_the_user_says(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache_dir() == tmp_path / "mcp-siem"
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert cache_dir() == Path.home() / ".cache" / "mcp-siem"


def test_a_missing_maven_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(PinError, match="no Maven: put mvn on the path"):
        maven("copy", folder=tmp_path)


@pytest.mark.parametrize("engine", ["elasticsearch", "opensearch"])
def test_a_version_without_a_recipe_is_refused(engine: str, tmp_path: Path) -> None:
    environ = {**os.environ, "XDG_CACHE_HOME": str(tmp_path), f"{engine.upper()}_VERSION": "1.0"}
    command = [sys.executable, str(ENGINES / engine / "build.py")]
    done = subprocess.run(command, env=environ, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (1, "")
    assert " 1.0 is none of " in done.stderr


def test_a_missing_jdk_is_named() -> None:
    bash = shutil.which("bash")
    assert bash is not None
    script = f'. "{ENGINES}/machine.sh"; find_java 999'
    done = subprocess.run([bash, "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.startswith("no JDK 999 or newer: set JAVA_HOME")


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_every_script_parses(script: Path) -> None:
    bash = shutil.which("bash")
    assert bash is not None
    assert subprocess.run([bash, "-n", script], check=False).returncode == 0
