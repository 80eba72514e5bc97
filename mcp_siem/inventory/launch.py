"""What a launch command says of a server: the package it runs, in which version, and which folders it may serve."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

__all__ = ["Launch", "read_launch", "serves_files", "words_of"]

_MOST_WORDS = 200
_LONGEST = 512
_LATEST = "latest"
_SUFFIX = re.compile(r"\.(exe|cmd|bat|ps1)$", re.IGNORECASE)
_PYTHON = re.compile(r"(python|pypy)[0-9.]*w?|py", re.IGNORECASE)
_IS_PACKAGE = re.compile(r"(@[a-z0-9~._-]+/)?[a-z0-9~][a-z0-9~._-]*(\[[a-z0-9,._-]*\])?", re.IGNORECASE)
_IN_MODULES = re.compile(r"[/\\]node_modules[/\\]((?:@[^/\\]+[/\\])?[^/\\]+)")
_BIN = frozenset({".bin", ".package-lock.json"})
# Servers that take the folders they may serve as plain arguments.
_FILE_SERVER = re.compile(r"file-?_?system|file-?server|mcp-files?\b|\bfiles?-mcp|/filesystem\b", re.IGNORECASE)
_ROOT_OPTION = re.compile(
    r"--?(allow(ed)?[-_]?(dir|directory|directories|dirs|path|paths|root|roots|folder|folders)"
    r"|root[-_]?(dir|directory|path|folder)|fs[-_]?root|repository)",
    re.IGNORECASE,
)
# Options of launchers and containers that take the next word with them.
_NPX_TAKES = frozenset({"-p", "--package", "-c", "--call", "-w", "--workspace", "--registry", "--cache", "--prefix"})
_UVX_TAKES = frozenset(
    {"--from", "--with", "-p", "--python", "--index", "--index-url", "--extra-index-url", "--directory", "--project"}
    | {"--with-editable", "--with-requirements", "--cache-dir", "--config-file", "--env-file", "--default-index", "-C"}
    | {"--spec", "--pip-args", "--suffix", "--fetch-python", "-i"}
)
_DOCKER_SWITCHES = re.compile(
    r"-[diPtq]+|--(rm|init|detach|interactive|tty|privileged|read-only|quiet|publish-all|no-healthcheck|sig-proxy|"
    r"disable-content-trust|oom-kill-disable)|--[^=]+=.*"
)
_ABSOLUTE = re.compile(r"/|~(/|$)|[A-Za-z]:[\\/]|\\\\")


@dataclass(frozen=True, slots=True, kw_only=True)
class Launch:
    """The package of a server and its version (`latest` where a launcher takes what it finds), and its folders."""

    package: str | None = None
    version: str | None = None
    roots: tuple[str, ...] = ()


def words_of(line: str) -> list[str]:
    """The words of a command line that came as one text. Backslashes are separators of Windows paths, not escapes."""
    return [next(filter(None, found), "") for found in _WORD.findall(line[: _MOST_WORDS * _LONGEST])][:_MOST_WORDS]


def serves_files(*names: str | None) -> bool:
    """Whether one of the names of a server says that it serves files."""
    return any(name is not None and _FILE_SERVER.search(name[:_LONGEST]) for name in names)


def read_launch(words: Sequence[str]) -> Launch:
    """What the words of a launch command say; never raises, whatever they are."""
    said = list(words[:_MOST_WORDS])
    while said and _is_wrapper(said):
        said = _unwrapped(said)
    if not said:
        return Launch()
    name = _program(said[0])
    package, version, rest = _run_by(name, said)
    served = serves_files(package, *said[: len(said) - len(rest)])
    roots = [*_option_roots(rest), *(_plain_roots(rest) if served else ())]
    return Launch(
        package=package[:_LONGEST] if package else None,
        version=version[:_LONGEST] if version else None,
        roots=tuple(dict.fromkeys(root[: _LONGEST * 8] for root in roots)),
    )


_WORD = re.compile(r'"([^"]*)"|\'([^\']*)\'|(\S+)')


def _program(word: str) -> str:
    return _SUFFIX.sub("", re.split(r"[/\\]", word)[-1]).lower()


def _is_wrapper(words: Sequence[str]) -> bool:
    name = _program(words[0])
    return name in {"env", "sudo", "nice", "nohup", "exec", "cmd", "stdbuf", "timeout"} or "=" in words[0].split("/")[0]


def _unwrapped(words: Sequence[str]) -> list[str]:
    """The command without what stands before it: `env A=b`, `cmd /c`, `sudo -u x`."""
    rest = list(words[1:])
    while rest and (rest[0].startswith("-") or rest[0].lower() in {"/c", "/s", "/d"} or rest[0].isdigit()):
        taken = rest.pop(0)
        if taken in {"-u", "-g", "-n", "-S"} and rest and _program(words[0]) != "env":
            rest.pop(0)
    return rest


def _run_by(name: str, words: list[str]) -> tuple[str | None, str | None, list[str]]:
    """Package, version, and the arguments that the server itself gets."""
    rest = words[1:]
    reader = _READERS.get("python" if _PYTHON.fullmatch(name) else name)
    if reader is not None:
        return reader(rest)
    if name in {"npm", "pnpm", "yarn"} or (name == "bun" and rest[:1] == ["x"]):
        return _node_package(rest[1:]) if rest and rest[0] in {"exec", "x", "dlx"} else (name, None, rest)
    if name == "bun":
        return _module(rest)
    found = _IN_MODULES.search(words[0])
    inside = found is not None and found.group(1) not in _BIN
    return (found.group(1).replace("\\", "/") if found and inside else name or None), None, rest


def _node_package(rest: list[str]) -> tuple[str | None, str | None, list[str]]:
    said: str | None = None
    at = 0
    while at < len(rest) and (rest[at].startswith("-") or rest[at] in {"exec", "x", "dlx"}):
        name, equals, value = rest[at].partition("=")
        if name in {"-p", "--package"}:
            said = said or (value if equals else rest[at + 1] if at + 1 < len(rest) else None)
        at += 2 if name in _NPX_TAKES and not equals else 1
    if said is None and at < len(rest):
        said = rest[at]
    return *_npm(said), rest[at + 1 :]


def _npm(said: str | None) -> tuple[str | None, str | None]:
    """`@scope/name@1.2.3`, `name`, or an address, which is its own name."""
    if said is None:
        return None, None
    at = said.find("@", 1)
    if at > 0 and _IS_PACKAGE.fullmatch(said[:at]):
        return said[:at], said[at + 1 :] or _LATEST
    return said, _LATEST if _IS_PACKAGE.fullmatch(said) else None


def _python_package(rest: list[str], *, bare: bool = False) -> tuple[str | None, str | None, list[str]]:
    said: str | None = None
    at = 0
    while at < len(rest) and (rest[at].startswith("-") or rest[at] in {"tool", "run", "x"}):
        name, equals, value = rest[at].partition("=")
        bare = bare and name != "tool"
        if name in {"--from", "--spec"}:
            said = value if equals else rest[at + 1] if at + 1 < len(rest) else None
        at += 2 if name in _UVX_TAKES and not equals else 1
    if said is None and bare and at < len(rest) and _PYTHON.fullmatch(_program(rest[at])):
        return _python_module(rest[at + 1 :])
    if said is None and at < len(rest):
        said = rest[at]
    package, version = _pypi(said)
    return package, None if bare and version == _LATEST else version, rest[at + 1 :]


def _pypi(said: str | None) -> tuple[str | None, str | None]:
    """`name==1.2`, `name@1.2`, `name>=1`, `name[extra]`, or an address."""
    if said is None:
        return None, None
    found = re.match(r"([A-Za-z0-9][A-Za-z0-9._-]*)(?:\[[^\]]*\])?\s*(==|@|>=|~=|<=|<|>|!=)?\s*(.*)", said, re.DOTALL)
    if found is None or "/" in found.group(1) or (found.group(3) and not found.group(2)):
        return said, None
    pinned = found.group(2) in {"==", "@"} and found.group(3)
    return found.group(1), found.group(3) if pinned else (found.group(2) or "") + found.group(3) or _LATEST


def _image(rest: list[str]) -> tuple[str | None, str | None, list[str]]:
    """The image of `docker run`, its tag or digest, and the arguments behind it."""
    while rest and rest[0] in {"container", "run"}:
        rest = rest[1:]
    at = 0
    while at < len(rest) and rest[at].startswith("-"):
        at += 1 if _DOCKER_SWITCHES.fullmatch(rest[at]) else 2
    if at >= len(rest):
        return None, None, []
    name, _, digest = rest[at].partition("@")
    head, colon, tag = name.rpartition(":")
    if not colon or "/" in tag:
        head, tag = name, ""
    return head, digest or tag or _LATEST, rest[at + 1 :]


def _module(rest: list[str]) -> tuple[str | None, str | None, list[str]]:
    """The script of node: the package whose folder it lies in, else its own path."""
    at = next((index for index, word in enumerate(rest) if not word.startswith("-") and word != "run"), None)
    if at is None:
        return None, None, []
    script = rest[at]
    if script.startswith(("npm:", "jsr:")):
        return *_npm(script[4:].lstrip("/")), rest[at + 1 :]
    inside = [name for name in _IN_MODULES.findall(script) if name not in _BIN]
    return (inside[-1].replace("\\", "/") if inside else script), None, rest[at + 1 :]


def _python_module(rest: list[str]) -> tuple[str | None, str | None, list[str]]:
    """The module of `python -m`, else the script; code of `-c` has no name."""
    for at, word in enumerate(rest):
        if word == "-m" and at + 1 < len(rest):
            return rest[at + 1].replace("_", "-"), None, rest[at + 2 :]
        if word == "-c":
            return None, None, rest[at + 2 :]
        if not word.startswith("-"):
            return word, None, rest[at + 1 :]
    return None, None, []


def _option_roots(rest: Sequence[str]) -> Iterator[str]:
    """Folders that an option allows by its name; such an option may have several values."""
    taking = False
    for word in rest:
        name, _, value = word.partition("=")
        if name.startswith("-"):
            taking = bool(_ROOT_OPTION.fullmatch(name))
            if taking:
                yield from (one for one in value.split(",") if _ABSOLUTE.match(one))
        elif taking:
            yield from (one for one in word.split(",") if _ABSOLUTE.match(one))


def _plain_roots(rest: Sequence[str]) -> Iterator[str]:
    """Folders that stand as plain arguments."""
    after_option = False
    for word in rest:
        if word.startswith("-"):
            after_option = "=" not in word
            continue
        if not after_option and _ABSOLUTE.match(word):
            yield word
        after_option = False


_READERS: Mapping[str, Callable[[list[str]], tuple[str | None, str | None, list[str]]]] = {
    **dict.fromkeys(("npx", "pnpx", "bunx"), _node_package),
    **dict.fromkeys(("uvx", "pipx"), _python_package),
    **dict.fromkeys(("uv", "rye"), partial(_python_package, bare=True)),
    **dict.fromkeys(("docker", "podman", "nerdctl"), _image),
    **dict.fromkeys(("node", "deno", "tsx", "ts-node"), _module),
    "python": _python_module,
}
