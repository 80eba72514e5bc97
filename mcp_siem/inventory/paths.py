"""Whether a path lies inside a folder, by its spelling alone: `..` resolved, Windows and POSIX, nothing looked up."""

import re
from collections.abc import Sequence
from functools import lru_cache
from urllib.parse import unquote, urlsplit

__all__ = ["nearest_root", "outside", "root_of_uri"]

_WINDOWS = re.compile(r"[A-Za-z]:([\\/]|$)|\\\\|//\?/")
_HOME = re.compile(r"(/home/[^/]+|/Users/[^/]+|/root|[A-Za-z]:/Users/[^/]+)(?=/|$)", re.IGNORECASE)
_PRIVATE = re.compile(r"/private(?=/(tmp|var|etc)(/|$))")
_LONGEST = 8_192
_SHORT = 512
# Names that Windows and common file systems take for the same: letter case, and what Windows drops at the end of a name.
_FOLDED = re.compile(r"[A-Za-z]:|//|/Users(/|$)", re.IGNORECASE)


def outside(paths: Sequence[str], roots: Sequence[str]) -> list[str] | None:
    """The paths that lie in none of the roots; None if of no path can it be told where it lies."""
    known = [one for one in map(_absolute, roots) if one is not None]
    if not known:
        return None
    said = [(path, _resolved(path, known)) for path in paths if path and len(path) <= _LONGEST]
    told = [(path, found) for path, found in said if found is not None]
    if not told:
        return None
    return [path for path, found in told if not any(_is_inside(found, root) for root in known)]


def nearest_root(path: str, roots: Sequence[str]) -> str:
    """The root whose spelling shares the longest beginning with the path."""
    return max(roots, key=lambda root: _shared(path, root))


def root_of_uri(uri: str) -> str | None:
    """The folder that a `file:` URI names; None for any other."""
    if uri[:5].lower() != "file:":
        return None
    try:
        parts = urlsplit(uri)
    except ValueError:
        return None
    path = unquote(parts.path)
    if parts.netloc and parts.netloc.lower() != "localhost":
        return f"//{parts.netloc}{path}"
    return path[1:] if re.match(r"/[A-Za-z]:", path) else path or None


def _shared(one: str, other: str) -> int:
    return next((at for at, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))


def _absolute(path: str) -> str | None:
    return _remembered(path) if len(path) <= _SHORT else _spelled(path)


def _spelled(path: str) -> str | None:
    """The one spelling of an absolute path, or None if it is not absolute."""
    path = root_of_uri(path) or path
    if _WINDOWS.match(path):
        flat = re.sub(
            r"^//[?.]/(UNC/)?", lambda found: "//" if found.group(1) else "", path.replace("\\", "/"), count=1
        )
        head = flat[:2]
        return head + _normal(flat[2:], windows=True)
    if not path.startswith("/"):
        return None
    return _normal(_PRIVATE.sub("", path, count=1), windows=False)


# Roots come again with every call, and so do most folders.
_remembered = lru_cache(maxsize=2_048)(_spelled)


def _normal(path: str, *, windows: bool) -> str:
    """The path from its root on, without empty parts, `.` and `..`; above the root is the root."""
    kept: list[str] = []
    for part in path.split("/"):
        name = part.rstrip(". ") if windows and part.strip(".") else part
        if name == "..":
            del kept[-1:]
        elif name not in {"", "."}:
            kept.append(name)
    return "/" + "/".join(kept)


def _resolved(path: str, roots: Sequence[str]) -> str | None:
    """Where a path leads. One that is relative is taken from the root if it climbs, and else nobody knows where it lies."""
    found = _absolute(path)
    if found is not None:
        return found
    flat = path.replace("\\", "/")
    home = next((match.group(1) for root in roots if (match := _HOME.match(root))), None)
    if flat == "~" or flat.startswith("~/"):
        return None if home is None else _absolute(home + flat[1:])
    if flat.startswith("~") or ":" in flat.partition("/")[0]:
        return None
    climbs = ".." in flat.split("/")
    return _absolute(f"{roots[0]}/{flat}") if climbs else None


def _is_inside(path: str, root: str) -> bool:
    if _FOLDED.match(root):
        path, root = path.casefold(), root.casefold()
    return path == root or path.startswith(root.rstrip("/") + "/")
