"""How a search is written down: JSON with sorted keys, in lines short enough to review. Same document, same bytes. Pure."""

import json

__all__ = ["laid_out"]

_WIDTH = 120
# Values of these keys stay on their line however long they are: nobody reads a table of case foldings line by line.
_WHOLE = ("params",)


def laid_out(document: object, *, indent: int = 0, key: str = "") -> str:
    """The JSON text of a document; what fits stays on one line."""
    flat = json.dumps(document, sort_keys=True)
    if indent + len(flat) <= _WIDTH or key in _WHOLE:
        return flat
    inner = " " * (indent + 2)
    if isinstance(document, dict):
        lines = [
            f"{inner}{json.dumps(name)}: {laid_out(value, indent=indent + 2, key=str(name))}"
            for name, value in sorted(document.items())
        ]
        return "{\n" + ",\n".join(lines) + "\n" + " " * indent + "}"
    if isinstance(document, list):
        lines = [f"{inner}{laid_out(value, indent=indent + 2)}" for value in document]
        return "[\n" + ",\n".join(lines) + "\n" + " " * indent + "]"
    return flat
