"""The inventory of a run: read when it starts, written in batches while it runs and when it ends."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeVar

from mcp_siem.errors import UsageError
from mcp_siem.inventory.book import Batch
from mcp_siem.inventory.known import KnownItems
from mcp_siem.inventory.store import InventoryFile

__all__ = ["Memory"]

_T = TypeVar("_T")


class Memory:
    """What a run knows of servers: from the file, if one is named, and from the run itself.

    `failed` says why the file could not be written when it last was.
    """

    def __init__(self, path: str | None, now: Callable[[], int]) -> None:
        self._file = InventoryFile(path) if path else None
        self.known = KnownItems(self._file.load(now=now()) if self._file else None)
        self.failed: str | None = None
        self._staged: list[Batch] = []

    @property
    def waits(self) -> bool:
        """Whether something was staged that is not in the file yet."""
        return bool(self._staged)

    def through(self, steps: Iterable[_T]) -> Iterator[_T]:
        """Hands steps on; writes what is new when there is much of it, and at the end."""
        inventory = self.known.inventory
        for step in steps:
            yield step
            if inventory is not None and inventory.is_due:
                self.save()
        self.save()

    def save(self) -> None:
        """Writes what is new; raises UsageError where it cannot."""
        if self._file is not None and self.known.inventory is not None:
            self._file.save(self.known.inventory.take())

    def stage(self, *, durable: bool) -> list[object]:
        """For a watch with a checkpoint: what is new goes into the checkpoint first, and into the file when that is
        `durable`. A watch that dies in between judges the lines since the last checkpoint as it did before.
        """
        if self._file is None or self.known.inventory is None:
            return []
        if durable:
            self._write(self._file)
        self._staged.append(self.known.inventory.take())
        self._staged = [batch for batch in self._staged if batch]
        return [batch.dump() for batch in self._staged]

    def finish(self) -> None:
        """Writes all that was staged."""
        self.stage(durable=False)
        if self._file is not None:
            self._write(self._file)

    def resume(self, dumped: Any) -> None:
        """Goes on from what was staged when a checkpoint was written."""
        if self.known.inventory is None:
            return
        self._staged = [Batch.load(one) for one in dumped]
        for batch in self._staged:
            self.known.inventory.apply(batch)

    def _write(self, file: InventoryFile) -> None:
        try:
            while self._staged:
                file.save(self._staged[0])
                del self._staged[0]
            if self.known.inventory is not None:
                file.refresh(self.known.inventory)
            self.failed = None
        except UsageError as error:
            self.failed = error.message
