"""How much longer normalising takes with an inventory than without, side by side in one process, repeated."""

import statistics
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from time import perf_counter

from mcp_siem.events.derive import Deriver
from mcp_siem.events.redact import Redactor
from mcp_siem.inventory.known import KnownItems
from mcp_siem.inventory.store import InventoryFile
from mcp_siem.rules.pack import default_pack_dir, load_secret_formats
from mcp_siem.stream.read import read_events

_CAPTURES = ("examples/captured_mcp_traffic.jsonl", "examples/captured_mcp_traffic_2026-07-28.jsonl")
_ROUNDS = 15
_TIMES = 20


def _normalise(known: KnownItems, paths: list[str]) -> int:
    deriver = Deriver(Redactor(load_secret_formats(default_pack_dir()), b"k"))
    return sum(1 for _ in read_events(paths, deriver=deriver, known=known))


def _with(path: str, paths: list[str]) -> None:
    """A whole run: read the file, use it, write what is new."""
    file = InventoryFile(path)
    inventory = file.load(now=0)
    _normalise(KnownItems(inventory), paths)
    file.save(inventory.take())


def _took(work: Callable[[], object]) -> float:
    begun = perf_counter()
    work()
    return perf_counter() - begun


def _ratios(folder: str, paths: list[str]) -> tuple[list[float], list[float]]:
    """Of a first run, which writes all it sees, and of a later one."""
    known = f"{folder}/known"
    _with(known, paths)
    first, later = [], []
    for number in range(_ROUNDS):
        bare = _took(partial(_normalise, KnownItems(), paths))
        first.append(_took(partial(_with, f"{folder}/{number}", paths)) / bare)
        later.append(_took(partial(_with, known, paths)) / bare)
    return first, later


def main() -> None:
    """Prints the ratios for the captures, and for a long file made of them."""
    with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryDirectory() as other:
        long = Path(other) / "long.jsonl"
        long.write_bytes(b"".join(Path(one).read_bytes() for one in _CAPTURES) * _TIMES)
        for name, place, paths in (
            ("the captures", folder, list(_CAPTURES)),
            (f"the captures {_TIMES} times over", other, [str(long)]),
        ):
            first, later = _ratios(place, paths)
            print(f"{name}: first run {_said(first)}, later run {_said(later)} of the time without an inventory")


def _said(ratios: list[float]) -> str:
    return f"{statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})"


if __name__ == "__main__":
    main()
