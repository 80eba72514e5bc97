"""Compressed logs, inflated piece by piece: how much comes out at once is bounded, whatever the data asks for."""

import zlib
from collections.abc import Iterator

import zstandard

__all__ = ["GZIP", "ZSTD", "CompressedError", "inflated", "unzstd"]

GZIP = b"\x1f\x8b"
ZSTD = b"\x28\xb5\x2f\xfd"
_PIECE = 1024 * 1024
# Four bytes of zstd can stand for 128 KiB: fed so little at once, it gives back 32 MiB at the very most.
_FED = 1024
# What `zstd` itself takes without being told to: a frame may ask for memory by the gigabyte.
_MAX_WINDOW = 128 * 1024 * 1024


class CompressedError(Exception):
    """The data is cut off or damaged; `code` says of which kind it is."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


def inflated(chunks: Iterator[bytes]) -> Iterator[bytes]:
    """Inflates gzip, member after member; zeros after the last member are padding."""
    machine = zlib.decompressobj(wbits=31)
    try:
        for chunk in chunks:
            data = chunk.lstrip(b"\0") if machine.eof else chunk
            while data:
                if machine.eof:
                    machine = zlib.decompressobj(wbits=31)
                yield machine.decompress(data, _PIECE)
                data = machine.unused_data.lstrip(b"\0") if machine.eof else machine.unconsumed_tail
    except zlib.error as error:
        raise CompressedError("bad_gzip", str(error)) from error
    if not machine.eof:
        raise CompressedError("bad_gzip", "it is cut off")


def unzstd(chunks: Iterator[bytes]) -> Iterator[bytes]:
    """Inflates zstd, frame after frame; zeros after the last frame are padding."""
    maker = zstandard.ZstdDecompressor(max_window_size=_MAX_WINDOW)
    machine = maker.decompressobj()
    try:
        for chunk in chunks:
            for start in range(0, len(chunk), _FED):
                data = chunk[start : start + _FED]
                data = data.lstrip(b"\0") if machine.eof else data
                while data:
                    if machine.eof:
                        machine = maker.decompressobj()
                    yield machine.decompress(data)
                    data = machine.unused_data.lstrip(b"\0") if machine.eof else b""
    except zstandard.ZstdError as error:
        raise CompressedError("bad_zstd", str(error)) from error
    if not machine.eof:
        raise CompressedError("bad_zstd", "it is cut off")
