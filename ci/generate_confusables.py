"""Writes mcp_siem/events/confusables.py from Unicode's table as the PyPI package confusable-homoglyphs ships it.

pip download --no-deps confusable-homoglyphs==3.3.1 && unzip confusable_homoglyphs-*.whl
python ci/generate_confusables.py confusable_homoglyphs/confusables.json
"""

import json
import sys
import unicodedata
from pathlib import Path

TARGET = Path(__file__).parent.parent / "mcp_siem" / "events" / "confusables.py"
HEAD = '''"""Unicode confusables (UTS 39): which character outside ASCII looks like which ASCII text. Generated.

Source: Unicode security data, confusables.txt, as in the PyPI package confusable-homoglyphs 3.3.1.
Kept are single code points outside ASCII whose prototype is ASCII alone and which NFKC leaves as they are.
Four kinds of prototype are put back to what a reader sees, because ASCII itself is never folded to its prototype here:
`l` of a capital or a letter named I is `I`, two apostrophes are `"`, `rn` is `m`, a letter with a hook is the letter.
Made by ci/generate_confusables.py; do not edit.

The data is (c) 1991-2024 Unicode, Inc., under the Unicode License v3 (https://www.unicode.org/license.txt).
"""

__all__ = ["CONFUSABLES"]

'''


def seen_as(char: str, prototype: str) -> str:
    """The ASCII text a reader takes the character for."""
    name = unicodedata.name(char, "")
    if prototype == "l" and ("CAPITAL" in name or "LETTER I" in name or "IOTA" in name):
        return "I"
    hookless = prototype.strip("'")
    if hookless != prototype and len(hookless) == 1 and hookless.isalpha():
        return hookless
    return {"''": '"', "rn": "m"}.get(prototype, prototype)


def lookalikes(table: dict[str, list[dict[str, str]]]) -> dict[str, list[str]]:
    """Groups the characters by the ASCII text they are seen as."""
    groups: dict[str, list[str]] = {}
    for char, pairs in table.items():
        targets = [pair["c"] for pair in pairs if pair["c"].isascii()]
        if len(char) == 1 and not char.isascii() and targets and unicodedata.normalize("NFKC", char) == char:
            groups.setdefault(seen_as(char, targets[0]), []).append(char)
    return groups


def escaped(char: str) -> str:
    """A Python escape: the source holds no look-alike itself."""
    return char.encode("unicode_escape").decode("ascii")


def rows(groups: dict[str, list[str]]) -> list[str]:
    """One line of source for at most eight characters."""
    lines = []
    for text, chars in sorted(groups.items()):
        chars.sort()
        for start in range(0, len(chars), 8):
            escapes = "".join(escaped(char) for char in chars[start : start + 8])
            lines.append(f'    ({json.dumps(text)}, "{escapes}"),\n')
    return lines


def main() -> None:
    """Reads the package's JSON named on the command line and writes the module."""
    groups = lookalikes(json.loads(Path(sys.argv[1]).read_text(encoding="utf-8")))
    body = "_GROUPS = (\n" + "".join(rows(groups)) + ")\n"
    tail = "# character -> the ASCII text it is seen as\nCONFUSABLES = {char: text for text, chars in _GROUPS for char in chars}\n"
    TARGET.write_text(HEAD + body + tail, encoding="utf-8")


if __name__ == "__main__":
    main()
