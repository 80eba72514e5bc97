"""What the name and the schema of an argument, and the shape of its value, say about the value's kind."""

import re
from collections.abc import Iterator, Mapping
from functools import lru_cache

__all__ = [
    "is_content_name",
    "is_exclusion_name",
    "is_host_name",
    "is_id_name",
    "is_launch_name",
    "is_path_name",
    "is_place_name",
    "is_sought_name",
    "is_url_name",
    "looks_like_host",
    "looks_like_option",
    "looks_like_path",
    "looks_like_url",
    "looks_rooted",
    "property_schemas",
    "schema_kind",
    "steps_up",
]

_LONGEST_NAME = 128
_LONGEST_PATH = 4096
_LONGEST_OPTION = 255
_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")


def _vocabulary(words: str) -> frozenset[str]:
    return frozenset(words.split())


_PATH_WORDS = _vocabulary(
    "path paths pathname pathnames filepath filepaths file files filename filenames dir dirs directory directories dirname"
    " folder folders cwd workdir workspace root roots basedir rootdir"
)
_NAME_OF = _vocabulary("file dir folder directory")
_PLACE_WORDS = _vocabulary(
    "source sources src destination destinations dest dst target targets from to input output out location locations"
    " include ref revision base head config uri"
)
_EXCLUSION_WORDS = _vocabulary("exclude excludes excluded exclusion exclusions ignore ignores ignored omit except")
_SOUGHT_WORDS = _vocabulary(
    "query queries q search pattern patterns regex regexp keyword keywords term terms title subject caption heading label topic"
)
_CONTENT_WORDS = _vocabulary(
    "content contents text texts body data string str code script html markdown md message messages msg comment comments"
    " description summary note notes snippet document observation observations replacement prompt"
)
_HOST_WORDS = _vocabulary(
    "host hosts hostname hostnames domain domains ip ips address addresses server servers endpoint"
)
_URL_WORDS = _vocabulary("url urls uri uris link links href website webhook endpoint callback")
_LAUNCH_WORDS = _vocabulary("args argv argument arguments command commands cmd cmds cmdline")
_ID_WORDS = _vocabulary("id ids uuid guid")
_PATH_FORMATS = frozenset({"path", "file-path", "directory-path", "file", "filepath"})
_URL_FORMATS = frozenset({"uri", "url", "iri", "uri-reference", "iri-reference", "http-url"})
_HOST_FORMATS = frozenset({"hostname", "idn-hostname", "ipv4", "ipv6"})
_SAYS_PATH = re.compile(
    r"\b(?:(?:file|directory|folder|absolute|relative|full|local)[ -]?paths?|paths? (?:to|of|for)|file ?names?"
    r"|(?:directory|folder|file) to (?:read|write|list|search|open|create|delete|move|edit)|working directory)\b",
    re.IGNORECASE,
)
_URL = re.compile(r"(?:[A-Za-z][A-Za-z0-9+.-]{0,31}:){1,3}(?://|\\\\|/\\|\\/)\S", re.ASCII)
_LOOSE_URL = re.compile(
    r"(?:https?|ftp|file|data|javascript|gopher|dict|ldap|blob):|//\S|(?:[\w-]{1,63}\.)+"
    r"(?:[A-Za-z]{2,24}[:/?#]|(?!(?:pdf|txt|csv|xml|png|jpe?g|gif|svg|zip|tar|ya?ml|json|html|docx?|xlsx?|pptx?|toml|md|py|js|ts)$)[A-Za-z]{2,24}$)",
    re.IGNORECASE,
)
_HOST = re.compile(
    r"(?:[\w-]{1,63}\.)+[\w-]{1,63}\.?(?::\d{1,5})?|localhost(?::\d{1,5})?|\[?[0-9A-Fa-f:]*:[0-9A-Fa-f:.]*\]?(?::\d{1,5})?"
)
_OPTION = re.compile(r"--?[A-Za-z][^\r\n]*")
_TRAVERSAL = re.compile(r"(?:\.|%(?:25)?2e){2}(?:[/\\]|%(?:25)?(?:2f|5c))", re.IGNORECASE)
_ROOTED = re.compile(
    r"/(?!/)\S*(?:[^\n]*/[^\n]*)?|~[\w.-]*(?:[/\\][^\n]*)?|\.{1,2}[/\\][^\n]*|[A-Za-z]:[/\\][^\n]*|\\\\[^\s\\][^\n]*"
    r"|(?:\$\{?[A-Z_]+\}?|%[A-Za-z_()]+%)[/\\][^\n]*|file:[^\n]*",
    re.IGNORECASE,
)
_RELATIVE = re.compile(
    r"(?:[\w@.+-]+[/\\])+(?:\.[\w.-]+|[\w@+ -][\w@+. -]*\.[A-Za-z0-9]{1,8}|\.{0,2})|(?:[\w@.+-]+[/\\])*\.[A-Za-z][\w.-]*(?:[/\\][\w@.+-]+)*"
)
_NO_BLANKS = re.compile(r"\S+")
_INNER_PATH = re.compile(r"\s(?:[/~]|\.{1,2}/|[a-z]+://)", re.IGNORECASE)
_MOST_BLANKS = 2
_REFERENCES = 8


@lru_cache(maxsize=4096)
def _words(name: str) -> tuple[str, ...]:
    """The words of a name in any case style, numbers left out: `repo_path2` and `repoPath` are (repo, path)."""
    found = (word.lower() for word in _WORDS.findall(name[:_LONGEST_NAME]))
    return tuple(word for word in found if not word.isdigit())


def is_content_name(name: str) -> bool:
    """True if the argument holds something written or said, whatever that looks like."""
    return bool(set(_words(name)[-1:]) & _CONTENT_WORDS)


def is_exclusion_name(name: str) -> bool:
    """True if the argument says what the call leaves out: it touches none of it."""
    return bool(set(_words(name)) & _EXCLUSION_WORDS)


def is_sought_name(name: str) -> bool:
    """True if the argument holds words to look for or to show, in which `.env` and `--config` are topics."""
    return bool(set(_words(name)[-1:]) & _SOUGHT_WORDS)


def is_path_name(name: str) -> bool:
    """True if the name says that the value is a file or folder."""
    words = _words(name)
    return bool(set(words[-1:]) & _PATH_WORDS) or (
        len(words) > 1 and words[-1] in {"name", "names"} and words[-2] in _NAME_OF
    )


def is_place_name(name: str) -> bool:
    """True if the value may be a file or folder, when it looks like one."""
    return bool(set(_words(name)[-1:]) & _PLACE_WORDS)


def is_url_name(name: str) -> bool:
    """True if the name says that the value is a URL."""
    return bool(set(_words(name)[-1:]) & _URL_WORDS)


def is_host_name(name: str) -> bool:
    """True if the value may be a host, when it looks like one."""
    return bool(set(_words(name)[-1:]) & _HOST_WORDS)


def is_launch_name(name: str) -> bool:
    """True if a list of this name holds the arguments of a process to launch."""
    return bool(set(_words(name)[-1:]) & _LAUNCH_WORDS)


def is_id_name(name: str) -> bool:
    """True if the value identifies something."""
    return bool(set(_words(name)[-1:]) & _ID_WORDS)


def looks_like_url(value: str, *, loose: bool = False) -> bool:
    """True for an absolute URL and nothing else; `loose` also takes what a browser would complete."""
    shape = _URL.match(value) or (loose and _LOOSE_URL.match(value))
    return bool(shape) and _NO_BLANKS.fullmatch(value) is not None


def looks_like_host(value: str) -> bool:
    """True for a domain name or address, with or without port."""
    return _HOST.fullmatch(value) is not None


def looks_like_option(value: str) -> bool:
    """True for one line that a command would take as an option."""
    return len(value) <= _LONGEST_OPTION and _OPTION.fullmatch(value) is not None


def looks_like_path(value: str, *, relative: bool = False) -> bool:
    """True for the shape of a path: rooted anywhere, or stepping up; with `relative` also one that only has folders."""
    if len(value) > _LONGEST_PATH or "\n" in value:
        return False
    if (_ROOTED.fullmatch(value) and value != "/") or _RELATIVE.fullmatch(value):
        return True
    if steps_up(value) and ((relative and '"' not in value) or _NO_BLANKS.fullmatch(value)):
        return True
    return relative and ("/" in value or "\\" in value) and not looks_like_url(value) and not _is_prose(value)


def _is_prose(value: str) -> bool:
    """True for a sentence or a command line: more blanks than a file has, or a path that begins behind one."""
    return value.count(" ") > _MOST_BLANKS or '"' in value or _INNER_PATH.search(value) is not None


def looks_rooted(value: str) -> bool:
    """True for a path that starts at a root or home, or climbs more than one folder: no word to look for does."""
    climbs = len(_TRAVERSAL.findall(value)) > 1 and _NO_BLANKS.fullmatch(value) is not None
    return climbs or (_ROOTED.fullmatch(value) is not None and value != "/" and not value.startswith("."))


def steps_up(value: str) -> bool:
    """True if the value holds a step to the parent folder, plain or URL-escaped once or twice."""
    return _TRAVERSAL.search(value) is not None


def property_schemas(schema: object, name: str, root: object) -> Iterator[Mapping[str, object]]:
    """What a JSON Schema says about the property `name`: through local references and alternatives, bounded."""
    for node in _alternatives(schema, root):
        properties = node.get("properties")
        found = properties.get(name) if isinstance(properties, Mapping) else None
        if isinstance(found, Mapping):
            yield found


def _alternatives(schema: object, root: object) -> Iterator[Mapping[str, object]]:
    waiting = [schema]
    for _ in range(_REFERENCES):
        if not waiting:
            return
        node = waiting.pop(0)
        if not isinstance(node, Mapping):
            continue
        yield node
        reference = node.get("$ref")
        if isinstance(reference, str) and reference.startswith("#/"):
            waiting.append(_local(root, reference))
        for key in ("anyOf", "oneOf", "allOf"):
            options = node.get(key)
            if isinstance(options, list):
                waiting += options[:_REFERENCES]
        waiting.append(node.get("items"))


def _local(root: object, reference: str) -> object:
    for part in reference[2:].split("/")[:_REFERENCES]:
        root = root.get(part) if isinstance(root, Mapping) else None
    return root


def schema_kind(schema: object, root: object) -> str | None:
    """`path`, `url` or `host` if format or description of a property say so, else None."""
    for node in _alternatives(schema, root):
        form = node.get("format")
        for kind, formats in (("path", _PATH_FORMATS), ("url", _URL_FORMATS), ("host", _HOST_FORMATS)):
            if isinstance(form, str) and form.lower() in formats:
                return kind
        said = node.get("description")
        if isinstance(said, str) and _SAYS_PATH.search(said[:1000]):
            return "path"
    return None
