import gzip
import zlib
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import zstandard

from mcp_siem.stream.compressed import CompressedError, inflated, unzstd

TEXT = b"".join(b'{"mcp.x":%d,"text":"some words that come again and again"}\n' % at for at in range(5_000))
Inflate = Callable[[Iterator[bytes]], Iterator[bytes]]
KINDS = [(gzip.compress, inflated), (zstandard.ZstdCompressor(write_checksum=True).compress, unzstd)]


def _cut(data: bytes, size: int) -> Iterator[bytes]:
    return (data[at : at + size] for at in range(0, len(data), size))


@pytest.mark.parametrize(("pack", "inflate"), KINDS)
@pytest.mark.parametrize("size", [1, 7, 1_000, 1 << 20])
def test_members_follow_one_another_and_zeros_are_padding(
    pack: Callable[[bytes], bytes], inflate: Inflate, size: int
) -> None:
    data = pack(TEXT) + pack(b"") + pack(TEXT[:100]) + b"\0" * 700
    assert b"".join(inflate(_cut(data, size))) == TEXT + TEXT[:100]


@pytest.mark.parametrize(("pack", "inflate"), KINDS)
def test_what_is_cut_off_or_damaged_is_read_as_far_as_it_goes_and_told(
    pack: Callable[[bytes], bytes], inflate: Inflate
) -> None:
    packed = pack(TEXT)
    damaged = bytearray(packed)
    damaged[len(packed) // 2] ^= 0xFF
    for data in (packed[:-3], packed[:5], bytes(damaged), packed + b"rubbish behind it"):
        found: list[bytes] = []
        with pytest.raises(CompressedError) as caught:
            found.extend(inflate(_cut(data, 512)))
        assert caught.value.code in ("bad_gzip", "bad_zstd")
        assert TEXT.startswith(b"".join(found)[:1_000])


@pytest.mark.parametrize(
    ("machine", "inflate", "most"),
    [(zlib.compressobj(wbits=31), inflated, 1 << 20), (zstandard.ZstdCompressor().compressobj(), unzstd, 32 << 20)],
)
def test_a_bomb_comes_out_in_pieces(machine: Any, inflate: Inflate, most: int) -> None:
    size = 256 << 20
    packed = b"".join(machine.compress(b"\n" * (1 << 20)) for _ in range(size >> 20)) + machine.flush()
    assert len(packed) < size // 500
    whole = 0
    for piece in inflate(_cut(packed, 1 << 20)):
        assert len(piece) <= most
        whole += len(piece)
    assert whole == size


def test_a_frame_that_asks_for_too_much_memory_is_refused() -> None:
    parameters = zstandard.ZstdCompressionParameters(window_log=28, enable_ldm=True)
    machine = zstandard.ZstdCompressor(compression_params=parameters).compressobj()
    packed = machine.compress(TEXT) + machine.flush()
    with pytest.raises(CompressedError, match="memory"):
        list(unzstd(iter((packed,))))


def test_a_skippable_frame_is_skipped() -> None:
    skipped = b"\x50\x2a\x4d\x18" + (5).to_bytes(4, "little") + b"12345"
    assert b"".join(unzstd(iter((zstandard.compress(b"a\n") + skipped + zstandard.compress(b"b\n"),)))) == b"a\nb\n"
