r"""`base64`, `base64offset` and the UTF-16 modifiers on the bytes of a value, where pySigma 1.5 counts characters; `windash`.

pySigma's own are wrong for text that is not ASCII (offsets by characters, UTF-16 read back as UTF-8), encode the
backslash of `\*`, write the byte order mark of `utf16` in UTF-8, and make of one byte a pattern that always holds.
Its `windash` gives every dash for `-` and `/`, but leaves the long dashes of a rule as they are.
"""

import re
from base64 import b64encode
from collections.abc import Iterator, Mapping
from typing import Any

from sigma.exceptions import SigmaPlaceholderError, SigmaValueError
from sigma.modifiers import (
    SigmaBase64Modifier,
    SigmaBase64OffsetModifier,
    SigmaModifier,
    SigmaUTF16BEModifier,
    SigmaUTF16Modifier,
    SigmaWideModifier,
    SigmaWindowsDashModifier,
    modifier_mapping,
)
from sigma.types import Placeholder, SigmaExpansion, SigmaString

__all__ = ["MODIFIERS", "Modifier", "exact"]

Modifier = type[SigmaModifier[Any, Any]]

# By offset: the leading characters that also hold bits of what stands before.
_STARTS = (0, 2, 3)
# By length modulo three: the trailing characters that also hold bits of what follows.
_ENDS = (None, -3, -2)
# A single byte decides no character at offset 1.
_SHORTEST = 2
_DASHES = ("-", "/", "\u2013", "\u2014", "\u2015")
_LONG_DASH = re.compile(r"\B[\u2013\u2014\u2015]\b")
_ANY_DASH = re.compile(r"\B[-/\u2013\u2014\u2015]\b")
_MOST_DASHES = 6


class _Wide(SigmaWideModifier):  # type: ignore[misc]  # pySigma is untyped here
    def modify(self, val: SigmaString) -> SigmaString:
        return val if _encoded_later(self) else super().modify(val)


class _UTF16BE(SigmaUTF16BEModifier):  # type: ignore[misc]  # pySigma is untyped here
    def modify(self, val: SigmaString) -> SigmaString:
        return val if _encoded_later(self) else super().modify(val)


class _UTF16(SigmaUTF16Modifier):  # type: ignore[misc]  # pySigma is untyped here
    def modify(self, val: SigmaString) -> SigmaString:
        return val if _encoded_later(self) else super().modify(val)


class _Base64(SigmaBase64Modifier):  # type: ignore[misc]  # pySigma is untyped here
    def modify(self, val: SigmaString) -> SigmaString:
        return SigmaString(b64encode(_bytes(self, val)).decode())


class _Base64Offset(SigmaBase64OffsetModifier):  # type: ignore[misc]  # pySigma is untyped here
    def modify(self, val: SigmaString) -> SigmaExpansion:
        data = _bytes(self, val)
        if len(data) < _SHORTEST:
            message = f"'{val}' is too short for base64offset: at one of the offsets it decides no character"
            raise SigmaValueError(message, source=self.source)
        forms = (
            b64encode(bytes(offset) + data)[start : _ENDS[(len(data) + offset) % 3]]
            for offset, start in enumerate(_STARTS)
        )
        return SigmaExpansion([SigmaString(form.decode()) for form in forms])


class _Windash(SigmaWindowsDashModifier):  # type: ignore[misc]  # pySigma is untyped here
    def modify(self, val: SigmaString) -> SigmaExpansion:
        if not _LONG_DASH.search(str(val)):
            return super().modify(val)
        if len(_ANY_DASH.findall(str(val))) > _MOST_DASHES:
            message = f"windash on a value with more than {_MOST_DASHES} options has too many forms"
            raise SigmaValueError(message, source=self.source)
        return SigmaExpansion(val.replace_with_placeholder(_ANY_DASH, "_windash").replace_placeholders(_each_dash))


def _each_dash(found: Placeholder) -> Iterator[str | Placeholder]:
    yield from _DASHES if found.name == "_windash" else [found]


_EXACT: Mapping[Modifier, Modifier] = {
    SigmaBase64Modifier: _Base64,
    SigmaBase64OffsetModifier: _Base64Offset,
    SigmaUTF16BEModifier: _UTF16BE,
    SigmaUTF16Modifier: _UTF16,
    SigmaWideModifier: _Wide,
    SigmaWindowsDashModifier: _Windash,
}
_CODECS: Mapping[Modifier, tuple[str, bytes]] = {
    _Wide: ("utf-16-le", b""),
    _UTF16BE: ("utf-16-be", b""),
    _UTF16: ("utf-16-le", b"\xff\xfe"),
}
_BASE64 = frozenset[Modifier]({_Base64, _Base64Offset})

# What a rule may call them; `utf16le` is in the specification and not in pySigma 1.5.
MODIFIERS: Mapping[str, Modifier] = {**modifier_mapping, "utf16le": SigmaWideModifier}


def exact(modifier: Modifier) -> Modifier:
    """The modifier that does what the given one of pySigma promises; most do it themselves."""
    return _EXACT.get(modifier, modifier)


def _encoded_later(modifier: SigmaModifier[Any, Any]) -> bool:
    """Says whether Base64 follows: it takes the bytes, which text cannot hold."""
    return not _BASE64.isdisjoint(modifier.detection_item.modifiers[len(modifier.applied_modifiers) :])


def _bytes(modifier: SigmaModifier[Any, Any], value: SigmaString) -> bytes:
    """The bytes to encode: of UTF-8, or of the UTF-16 that was asked for after the Base64 before this."""
    wide: list[Modifier] = []
    for applied in modifier.applied_modifiers:
        wide = [] if applied in _BASE64 else [*wide, applied] if applied in _CODECS else wide
    if len(wide) > 1:
        raise SigmaValueError("the value can be in one form of UTF-16 only", source=modifier.source)
    if value.contains_placeholder():
        raise SigmaPlaceholderError(f"'{value}' has no value to encode", source=modifier.source)
    if value.contains_special():
        message = f"Base64 of a wildcard has no meaning in '{value}'; \\* and \\? are the characters"
        raise SigmaValueError(message, source=modifier.source)
    codec, mark = _CODECS[wide[0]] if wide else ("utf-8", b"")
    return mark + "".join(str(part) for part in value.s).encode(codec)
