"""YAML text into documents that remember their lines. Hostile text ends in an issue, never in a crash.

The composer is libyaml's; the values are built here, because PyYAML's constructor knows no bound on aliases, takes the
last of two equal keys, and turns `2024-01-01` into a date that no Sigma value can be.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

import yaml

from mcp_siem.errors import Issue

__all__ = ["Document", "read_documents"]

_MAX_DEPTH = 40
_MAX_NODES = 200_000
_TAG = "tag:yaml.org,2002:"
_MERGE = f"{_TAG}merge"
_TEXT = frozenset({"str", "timestamp", "value"})
_SCALARS = yaml.constructor.SafeConstructor()
# Python takes quadratic time to read long numbers to the base 60, and refuses to write more than 4,300 digits.
_LONGEST_INT = 400


def _whole(node: yaml.ScalarNode) -> int:
    if len(node.value) > _LONGEST_INT:
        raise ValueError
    return int(_SCALARS.construct_yaml_int(node))


_VALUES: Mapping[str, Callable[[yaml.ScalarNode], object]] = {
    "int": _whole,
    "float": _SCALARS.construct_yaml_float,
    "bool": _SCALARS.construct_yaml_bool,
    "null": lambda _: None,
}
# The parts of a rule whose keys mean something; below any other key an odd one does no harm.
_STRICT = frozenset({"logsource", "detection", "correlation", "filter"})


class _Loader(yaml.CSafeLoader):
    """Resolves as YAML 1.1 does, less what Sigma has no value for: dates and `=` stay text."""


_Loader.yaml_implicit_resolvers = {
    first: [(tag, regexp) for tag, regexp in resolvers if tag not in {f"{_TAG}timestamp", f"{_TAG}value"}]
    for first, resolvers in yaml.CSafeLoader.yaml_implicit_resolvers.items()
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """One YAML document: its value, where it starts, and on demand the line of any key in it."""

    data: object
    path: str
    line: int
    node: yaml.Node | None = field(default=None, repr=False, compare=False)

    @property
    def end(self) -> int:
        """The last line of the document."""
        return self.node.end_mark.line + 1 if self.node else self.line

    def line_of(self, *keys: str | int) -> int:
        """The line of the key (or list index) at this path, or of the last part of the path that is there."""
        node, line = self.node, self.line
        for key in keys:
            found = _step(node, key)
            if found is None:
                return line
            line, node = found
        return line


def _step(node: yaml.Node | None, key: str | int) -> tuple[int, yaml.Node] | None:
    if isinstance(node, yaml.MappingNode):
        for name, value in node.value:
            if isinstance(name, yaml.ScalarNode) and name.value == key:
                return name.start_mark.line + 1, value
    if isinstance(node, yaml.SequenceNode) and isinstance(key, int) and key < len(node.value):
        item = node.value[key]
        return item.start_mark.line + 1, item
    return None


class _TooMuchError(Exception):
    """The document is deeper or larger than any rule."""


class _Builder:
    """Builds the values of one file, counting nodes, so that aliases cannot multiply without end."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.issues: list[Issue] = []
        self.nodes = 0

    def build(self, node: yaml.Node, depth: int, *, strict: bool) -> object:
        self.nodes += 1
        if depth > _MAX_DEPTH or self.nodes > _MAX_NODES:
            raise _TooMuchError
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, depth, strict=strict)
        if isinstance(node, yaml.SequenceNode):
            return [self.build(item, depth + 1, strict=strict) for item in node.value]
        return self._scalar(node)

    def _mapping(self, node: yaml.MappingNode, depth: int, *, strict: bool) -> dict[str, object]:
        out: dict[str, object] = {}
        merged: dict[str, object] = {}
        for name, child in node.value:
            if name.tag == _MERGE:
                self._merge(merged, child, depth)
                continue
            key = self._key(name, strict=strict)
            if key is None:
                continue
            if key in out:
                self._issue(
                    "MS006", f"key '{key}' is there twice", name, "keep one of the two; YAML takes only the last"
                )
                continue
            out[key] = self.build(child, depth + 1, strict=key in _STRICT if depth == 0 else strict)
        return {**merged, **out} if merged else out

    def _merge(self, merged: dict[str, object], node: yaml.Node, depth: int) -> None:
        parts = node.value if isinstance(node, yaml.SequenceNode) else [node]
        for part in parts:
            value = self.build(part, depth + 1, strict=False)
            if isinstance(value, dict):
                merged.update({key: item for key, item in value.items() if key not in merged})
            else:
                self._issue("MS001", "a merge key (<<) needs a mapping", node, "merge a mapping, or write the keys out")

    def _key(self, node: yaml.Node, *, strict: bool) -> str | None:
        text = isinstance(node, yaml.ScalarNode)
        if text and (node.tag == f"{_TAG}str" or not strict):
            return str(node.value)
        message = f"the key '{_short(node.value)}' is not text" if text else "a list or a mapping cannot be a key"
        self._issue("MS007", message, node, "put the key in quotes")
        return None

    def _scalar(self, node: yaml.Node) -> object:
        kind = node.tag.removeprefix(_TAG)
        if kind in _TEXT or not isinstance(node, yaml.ScalarNode):
            return str(node.value)
        if kind not in _VALUES:
            self._issue("MS007", f"the YAML tag '{_short(kind)}' has no meaning in a rule", node, "remove the tag")
            return None
        try:
            return _VALUES[kind](node)
        except (ValueError, KeyError, OverflowError):
            message = f"'{_short(node.value)}' is not a value of type {kind}"
            self._issue("MS007", message, node, "put the value in quotes")
            return None

    def _issue(self, code: str, message: str, node: yaml.Node, hint: str) -> None:
        line = node.start_mark.line + 1
        self.issues.append(Issue(code=code, message=message, path=self.path, line=line, hint=hint))


def _short(text: str) -> str:
    return text if len(text) <= 60 else f"{text[:57]}..."  # noqa: PLR2004 - what fits in one message


def _nodes(text: str) -> Iterator[yaml.Node]:
    loader = _Loader(text)
    try:
        while loader.check_node():
            node = loader.get_node()
            if node is not None:
                yield node
    finally:
        loader.dispose()


def read_documents(text: str, path: str) -> tuple[list[Document], list[Issue]]:
    """All documents of a YAML text, empty ones left out, and every fault found on the way."""
    builder = _Builder(path)
    documents: list[Document] = []
    try:
        for node in _nodes(text):
            line = node.start_mark.line + 1
            try:
                data = builder.build(node, 0, strict=True)
            except _TooMuchError:
                builder.issues.append(_too_much(path, line))
                break
            if data is not None:
                documents.append(Document(data=data, path=path, line=line, node=node))
    except yaml.YAMLError as error:
        builder.issues.append(_broken(error, text, path))
    return documents, builder.issues


def _too_much(path: str, line: int) -> Issue:
    message = f"the document is nested deeper than {_MAX_DEPTH} levels or holds more than {_MAX_NODES} values"
    hint = "split the rule, and write aliases (*name) out"
    return Issue(code="MS008", message=message, path=path, line=line, hint=hint)


def _broken(error: yaml.YAMLError, text: str, path: str) -> Issue:
    line, reason = 1, str(error)
    if isinstance(error, yaml.MarkedYAMLError):
        # A quote that is never closed is found at the end of the file; its fault is where it opens.
        unclosed = error.context_mark and "end of stream" in str(error.problem)
        mark = error.context_mark if unclosed else error.problem_mark or error.context_mark
        line = mark.line + 1 if mark else 1
        reason = " ".join(part for part in (error.context, error.problem) if part)
    elif isinstance(error, yaml.reader.ReaderError):
        line, reason = text.count("\n", 0, error.position) + 1, error.reason
    line = max(1, min(line, text.rstrip().count("\n") + 1))
    hint = "correct the YAML at this line: indentation, quotes, and a space after each ':'"
    return Issue(code="MS001", message=f"not valid YAML: {reason}", path=path, line=line, hint=hint)
