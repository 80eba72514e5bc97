"""Raw records of one source in, events out. Pure: bytes are read and files opened by `stream/`."""
