"""Every scanner says the same, and says what case folding says."""

# ruff: noqa: RUF001 - look-alikes are what is tested

import random
import sys
from collections.abc import Callable, Sequence

import pytest

from mcp_siem.engine import scan
from mcp_siem.engine.scan import HyperscanScanner, PlainScanner, Re2Scanner, Scanner, best_scanner
from mcp_siem.engine.values import fold_case

_EVERY_CHARACTER = [chr(point) for point in range(sys.maxunicode + 1) if not 0xD800 <= point < 0xE000]

Make = Callable[[Sequence[str]], Scanner]


@pytest.fixture(params=["hyperscan", "re2", "plain"])
def make(request: pytest.FixtureRequest) -> Make:
    """Each scanner in turn."""
    if request.param == "hyperscan":
        pytest.importorskip("hyperscan", reason="an optional accelerator")
    return {"hyperscan": HyperscanScanner, "re2": Re2Scanner, "plain": PlainScanner}[request.param]


def _meant(needles: Sequence[str], text: str) -> list[int]:
    scanned = fold_case(text).encode("utf-8", "replace").decode()
    return [place for place, needle in enumerate(needles) if needle in scanned]


def test_folding_is_per_character_idempotent_and_never_shortens() -> None:
    # what the scanners, the needles and the readers build on
    for char in _EVERY_CHARACTER:
        folded = fold_case(char)
        assert len(folded) >= 1
        assert fold_case(folded) == folded
    rng = random.Random(3)
    for _ in range(2_000):
        text = "".join(rng.choices(_EVERY_CHARACTER[:0x2200], k=8))
        assert fold_case(text) == "".join(map(fold_case, text))


def test_every_character_whose_case_folds_is_found_as_it_folds(make: Make) -> None:
    changing = [char for char in _EVERY_CHARACTER if char.casefold() != char or char.lower() != char.upper()]
    needles = sorted({fold_case(char) for char in changing})
    scanner = make(needles)
    places = {needle: place for place, needle in enumerate(needles)}
    for char in changing:
        found = scanner.find(f"-{char}-")
        assert places[fold_case(char)] in found, char
        assert sorted(found) == _meant(needles, char), char


def test_texts_that_fold_in_odd_ways_give_what_folding_gives(make: Make) -> None:
    needles = [
        "ss",
        "straße".casefold(),
        "k",
        "i̇stanbul",
        "ς".casefold(),
        "s",
        "µ".casefold(),
        "?",
        "\x00",
        "a\nb",
        "é",
        "ﬃ".casefold(),
    ]
    scanner = make(needles)
    texts = [
        "STRASSE",
        "Straße",
        "ſ",
        "K",
        "İSTANBUL",
        "istanbul",
        "ΟΔΟΣ ς",
        "µ",
        "\ud800",
        "a?\udfff",
        "x\x00y",
        "A\nB",
        "É",
        "ﬃ",
        "ẞ",
        "",
        "ı",
    ]
    for text in [*texts, "".join(texts)]:
        assert sorted(scanner.find(text)) == _meant(needles, text), text


def test_random_needles_in_random_texts(make: Make) -> None:
    rng = random.Random(5)
    alphabet = "aAbBsSſßKkéÉ?\n\x00*.\\[(İiςσΣ\ud800"
    for _ in range(60):
        needles = sorted({fold_case("".join(rng.choices(alphabet[:-1], k=rng.randrange(1, 4)))) for _ in range(20)})
        scanner = make(needles)
        for _ in range(40):
            text = "".join(rng.choices(alphabet, k=rng.randrange(12)))
            assert sorted(scanner.find(text)) == _meant(needles, text), (needles, text)


def test_without_hyperscan_the_set_of_re2_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "hyperscan", None)
    assert isinstance(best_scanner(["needle"]), Re2Scanner)


def test_a_set_that_runs_out_of_memory_is_not_trusted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "hyperscan", None)
    monkeypatch.setattr(scan, "_RE2_MEMORY", 20_000)
    needles = [f"needle number {at} of a long list" for at in range(300)]
    assert isinstance(best_scanner(needles), PlainScanner)
