"""Files that grow, are rotated, cut back, replaced, or appear later: every line of each, once, in order.

A file keeps its name as its connection space: what was asked before a rotation is answered after it. An older file is
read to its end before the one that took its name, and is let go when it was quiet for a while.
"""

import glob
import os
import stat
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from fnmatch import fnmatch
from pathlib import Path

from mcp_siem.sources.port import ParseIssue
from mcp_siem.stream.lines import MAX_LINE
from mcp_siem.stream.mark import Found, Mark, find_rest, generations, has_start, is_packed, rotated_name
from mcp_siem.stream.tail import Item, PackedTail, PlainTail, Tail

__all__ = ["Follower", "Group", "Read"]

_SUFFIXES = (".jsonl", ".json", ".ndjson", ".log")
_SCAN = 1.0
_BUSY = 0.002
_IDLE = 0.064
# At most about so many looks a second, however many files there are.
_LOOKS = 4_000
_LINGER = 30.0
_MOST_DONE = 10_000
_MAGIC = {b"\x1f\x8b": "it is compressed", b"\x28\xb5\x2f\xfd": "it is compressed", b"\xff\xfe": "it is UTF-16"}


@dataclass(slots=True, kw_only=True)
class Group:
    """All files that bore one name, oldest first. `clock` is the newest time read, kept by who reads.

    `seen` is when the name was looked up last, `folder` when its directory had changed then.
    """

    path: str
    number: int
    tails: list[Tail] = field(default_factory=list)
    wait: float = _BUSY
    due: float = 0.0
    clock: int = -(2**63)
    seen: int = 0
    folder: int = 0

    @property
    def behind(self) -> bool:
        """Says whether there is still to be read what was there when it was opened."""
        return any(tail.behind for tail in self.tails)


@dataclass(frozen=True, slots=True, kw_only=True)
class Read:
    """What one look at a file gave."""

    group: Group
    origin: str
    items: list[Item]


class Follower:
    """Reads files named by paths, directories and patterns. `at_end` skips what is in them at the start."""

    def __init__(
        self,
        targets: Sequence[str],
        *,
        at_end: bool = False,
        max_line: int = MAX_LINE,
        wall: Callable[[], int] = time.time_ns,
    ) -> None:
        self._wall = wall
        self._targets = list(dict.fromkeys(targets))
        self._at_end = at_end
        self._max_line = max_line
        self._groups: dict[str, Group] = {}
        self._refused: dict[str, tuple[int, ...] | None] = {}
        # Files read to their end, and copies of those that are read: neither is to be read again under a new name.
        self._done: dict[tuple[int, int], tuple[Mark, bool]] = {}
        self._told: list[ParseIssue] = []
        self._scanned: float | None = None

    @property
    def groups(self) -> Sequence[Group]:
        """Every file followed."""
        return list(self._groups.values())

    @property
    def has_targets(self) -> bool:
        """Says whether it was given anything to follow."""
        return bool(self._targets)

    def is_at_end(self, group: Group) -> bool:
        """Says whether all that is in the files of a name now was read."""
        info = _stat(group.path)
        return not group.tails or (
            info is not None and not group.behind and group.tails[-1].offset >= info.st_size and len(group.tails) == 1
        )

    @property
    def behind(self) -> list[Group]:
        """The files in which there is still to be read what was there when they were opened."""
        return [group for group in self._groups.values() if group.behind]

    def wait(self, now: float) -> float:
        """How many seconds may pass before the next look."""
        return max(0.0, min((group.due for group in self._groups.values()), default=now + _IDLE) - now)

    def read(self, now: float) -> Iterator[Read]:
        """One look at every file that is due. Of files with older content only the earliest in time is read."""
        self._scan(now)
        earliest = min(self.behind, key=lambda group: (group.clock, group.number), default=None)
        for group in list(self._groups.values()):
            if group is earliest or (group.due <= now and not group.behind):
                yield from self._look(group, now)

    def told(self) -> list[ParseIssue]:
        """What is to be said of files since the last call."""
        told, self._told = self._told, []
        return told

    def finish(self) -> Iterator[Read]:
        """The unfinished last lines of all files, which are then let go."""
        for group in self._groups.values():
            for tail in group.tails:
                yield Read(group=group, origin=tail.origin, items=tail.close())
            group.tails = []

    def marks(self) -> dict[str, list[Mark]]:
        """Where reading of every file stands: by name, oldest first."""
        return {path: [tail.mark() for tail in group.tails] for path, group in self._groups.items()}

    def seen(self) -> dict[str, int]:
        """When each name was looked up last, in nanoseconds of the wall clock."""
        return {path: group.seen for path, group in self._groups.items()}

    def done(self) -> list[tuple[Mark, bool]]:
        """The files that are not to be read again, and whether each is a copy."""
        return list(self._done.values())

    def restore(self, marks: dict[str, list[Mark]], done: Sequence[tuple[Mark, bool]], seen: Mapping[str, int]) -> None:
        """Goes on from marks; looks for files that were renamed, copied or compressed since they were made."""
        self._done = {(mark.device, mark.inode): (mark, copy) for mark, copy in done}
        for path, listed in marks.items():
            if any(_covers(target, path) for target in self._targets):
                group = self._group(path)
                group.seen = seen.get(path, group.seen)
                for mark in listed:
                    self._resume(group, mark)
                if all(tail.rotated for tail in group.tails):
                    self._add_generations(group, group.seen)
        self._at_end = False

    def _resume(self, group: Group, mark: Mark) -> None:
        """Takes a file up where it was left, wherever it lies now."""
        here = _stat(mark.place)
        if here is not None and mark.is_of(here):
            tail = self._opened(mark)
            if tail is not None and tail.fits(mark):
                tail.rotated = mark.place != group.path
                group.tails.append(tail)
                return
        found = find_rest(mark)
        if found is None:
            reason = f"what followed byte {mark.offset} (line {mark.line}) is gone: the file was removed or overwritten"
            self._told.append(ParseIssue(ref=mark.path, code="rest_lost", reason=reason))
        else:
            self._take_rest(group, mark, found, at=len(group.tails))

    def _take_rest(self, group: Group, mark: Mark, found: Found, *, at: int) -> None:
        """Puts what is left of a file before those that came after it."""
        tail = self._rest(mark, found)
        if tail is not None:
            group.tails.insert(at, tail)
            info = _stat(found.place)
            if info is not None and found.kind != "moved":
                self._done[info.st_dev, info.st_ino] = (mark, True)

    def _rest(self, mark: Mark, found: Found) -> Tail | None:
        try:
            if found.kind == "packed":
                return PackedTail(mark, found.place, max_line=self._max_line)
            moved = PlainTail(mark.moved(found.place), max_line=self._max_line, rotated=True)
        except OSError as error:
            reason = f"{found.place} cannot be read: {error.strerror}"
            self._told.append(ParseIssue(ref=mark.path, code="rest_lost", reason=reason))
            return None
        return moved

    def _opened(self, mark: Mark) -> PlainTail | None:
        try:
            return PlainTail(mark, max_line=self._max_line)
        except OSError as error:
            self._refuse(mark.place, f"cannot be read: {error.strerror}")
            return None

    def _look(self, group: Group, now: float) -> Iterator[Read]:
        """Reads a chunk of the oldest file of a name that has one, and sees whether the name has a new file."""
        found = False
        for tail in list(group.tails):
            before = tail.origin
            items = tail.poll()
            # Whole lines were read: the first of the file is known by now.
            origin, moved = tail.origin, tail.moved
            if isinstance(tail, PlainTail) and tail.cut_back is not None:
                items, origin, moved = self._cut_back(group, tail, tail.cut_back), before, True
            if moved or items or not tail.quiet_since:
                tail.quiet_since = now
            if moved or items:
                found = True
                if items:
                    yield Read(group=group, origin=origin, items=items)
                break
            if tail.rotated and now - tail.quiet_since >= _LINGER:
                yield from self._let_go(group, tail)
        if not found:
            self._check_name(group, now)
        group.wait = _BUSY if found else min(group.wait * 2, max(_IDLE, len(self._groups) / _LOOKS))
        group.due = now if group.behind else now + group.wait

    def _cut_back(self, group: Group, tail: PlainTail, mark: Mark) -> list[Item]:
        """A file was cut back: what a copy of it still holds comes first, then it is read anew."""
        found = find_rest(mark)
        items: list[Item] = []
        if found is not None and found.kind != "moved":
            self._take_rest(group, mark, found, at=group.tails.index(tail))
        else:
            items = tail.lines.close()
            reason = f"the file was cut back or overwritten after byte {mark.offset}; what was not read yet is gone"
            self._told.append(ParseIssue(ref=group.path, code="cut_back", reason=reason))
        tail.begin_again()
        return items

    def _let_go(self, group: Group, tail: Tail) -> Iterator[Read]:
        origin = tail.origin
        items = tail.close()
        group.tails.remove(tail)
        mark = tail.mark()
        if isinstance(tail, PlainTail) and mark.head_size:
            self._done[tail.device, tail.inode] = (mark, False)
        while len(self._done) > _MOST_DONE:
            del self._done[next(iter(self._done))]
        if items:
            yield Read(group=group, origin=origin, items=items)

    def _check_name(self, group: Group, now: float) -> None:
        """Sees whether the name stands for another file by now, or for none."""
        current = next((one for one in group.tails if isinstance(one, PlainTail) and not one.rotated), None)
        looked = self._wall()
        info, folder = _stat(group.path), _stat(str(Path(group.path).parent))
        changed = folder is not None and folder.st_mtime_ns != group.folder
        if current is not None and (info is None or not current.is_of(info)):
            current.rotated, current.quiet_since = True, now
            current = None
        if current is None and changed:
            self._add_generations(group, group.seen)
        group.seen, group.folder = looked, folder.st_mtime_ns if folder is not None else 0
        if info is None and not group.tails and group.path not in self._targets:
            del self._groups[group.path]
        elif current is None and info is not None and not any(_is_of(tail, info) for tail in group.tails):
            self._add(group, group.path)

    def _add_generations(self, group: Group, since: int) -> None:
        """Files that had the name and lost it again between two looks are read too, as a whole."""
        for place, info in generations(group.path, since):
            done = self._done.get((info.st_dev, info.st_ino))
            known = done is not None and has_start(place, done[0])
            if not known and not any(_is_of(tail, info) for one in self._groups.values() for tail in one.tails):
                self._add(group, place, rotated=True)

    def _scan(self, now: float) -> None:
        """Looks for files that appeared."""
        if self._scanned is not None and now - self._scanned < _SCAN:
            return
        for target in self._targets:
            for path in self._found(target):
                if path not in self._groups:
                    self._discover(path, named=path == target)
        self._scanned = now
        self._at_end = False

    def _found(self, target: str) -> Iterator[str]:
        if Path(target).is_dir():
            for folder, folders, names in os.walk(target):
                folders.sort()
                yield from (str(Path(folder) / name) for name in sorted(names) if name.lower().endswith(_SUFFIXES))
        elif glob.has_magic(target) and not Path(target).exists():
            yield from (path for path in sorted(glob.glob(target, recursive=True)) if not Path(path).is_dir())  # noqa: PTH207 - a pattern may be absolute
        else:
            yield target

    def _discover(self, path: str, *, named: bool) -> None:
        info = _stat(path)
        if info is None:
            if named:
                self._group(path)
            return
        if not named and self._is_known(path, info):
            return
        group = self._group(path)
        self._add(group, path)

    def _is_known(self, path: str, info: os.stat_result) -> bool:
        """Says whether a file that a pattern finds is one that was read under another name, or a copy of one."""
        if any(_is_of(tail, info) for group in self._groups.values() for tail in group.tails):
            return True
        done = self._done.get((info.st_dev, info.st_ino))
        if done is not None:
            mark, copy = done
            if has_start(path, mark):
                return copy or info.st_size <= mark.offset or not self._taken_up(mark.moved(path))
            # The inode was given to another file.
            del self._done[info.st_dev, info.st_ino]
        if is_packed(path):
            return True
        for group in self._groups.values():
            if rotated_name(group.path, path):
                for tail in group.tails:
                    if isinstance(tail, PlainTail) and not tail.rotated and tail.is_copied_by(path):
                        self._done[info.st_dev, info.st_ino] = (tail.mark(), True)
                        return True
        return False

    def _taken_up(self, mark: Mark) -> bool:
        """Goes on with a file that was let go and grew since; says whether it is another file, to be read as such."""
        tail = self._opened(mark)
        if tail is None or not tail.fits(mark):
            return True
        tail.rotated = True
        del self._done[tail.device, tail.inode]
        self._group(mark.path).tails.insert(0, tail)
        return False

    def _group(self, path: str) -> Group:
        return self._groups.setdefault(path, Group(path=path, number=len(self._groups), seen=self._wall()))

    def _add(self, group: Group, place: str, *, rotated: bool = False) -> None:
        """Begins to read a file."""
        info = _stat(place)
        if info is None or self._refused.get(place) == _version(info):
            return
        if stat.S_ISDIR(info.st_mode):
            return
        if not stat.S_ISREG(info.st_mode):
            self._refuse(place, "it is no regular file; give a pipe on standard input")
            return
        try:
            tail = PlainTail.fresh(group.path, place, max_line=self._max_line, rotated=rotated)
        except OSError as error:
            self._refuse(place, f"cannot be read: {error.strerror}")
            return
        reason = next((reason for magic, reason in _MAGIC.items() if tail.starts_with(magic)), None)
        if reason is not None:
            tail.close()
            self._refuse(place, f"{reason}; use replay for it, or write plain UTF-8")
            return
        if self._at_end:
            tail.skip_to_end()
        group.tails.append(tail)

    def _refuse(self, place: str, reason: str) -> None:
        """Says once why a file is not read; it is looked at again when it has changed."""
        known = place in self._refused
        info = _stat(place)
        self._refused[place] = None if info is None else _version(info)
        if not known:
            self._told.append(ParseIssue(ref=place, code="not_followed", reason=reason))


def _is_of(tail: Tail, info: os.stat_result) -> bool:
    return isinstance(tail, PlainTail) and tail.is_of(info)


def _covers(target: str, path: str) -> bool:
    """Says whether a target stands for files of this name, be there one or not."""
    return path == target or Path(target) in Path(path).parents or (glob.has_magic(target) and fnmatch(path, target))


def _version(info: os.stat_result) -> tuple[int, ...]:
    return info.st_dev, info.st_ino, info.st_ctime_ns


def _stat(place: str) -> os.stat_result | None:
    with suppress(OSError, ValueError):
        return Path(place).stat()
    return None
