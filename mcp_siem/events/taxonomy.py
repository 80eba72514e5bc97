"""The taxonomy: every canonical field, and which logsource a dataset belongs to. Built from text, no I/O."""

from collections.abc import Mapping
from dataclasses import dataclass

__all__ = ["Field", "Taxonomy", "parse_taxonomy"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One canonical field. `twin_of` names the original of a folded twin (`X_folded`), else None."""

    name: str
    type: str
    meaning: str
    origin: str
    tier: int
    array: bool = False
    twin_of: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Taxonomy:
    """All fields by name, and per `event.dataset` the Sigma logsource it belongs to."""

    fields: Mapping[str, Field]
    datasets: Mapping[str, Mapping[str, str]]

    def twin_source(self, name: str) -> str | None:
        """The original field that a folded twin derives from, or None if `name` is no twin."""
        field = self.fields.get(name)
        return field.twin_of if field else None


def parse_taxonomy(text: str, source: str) -> Taxonomy:
    """Reads taxonomy.toml; raises ConfigError with `source` and the reason."""
    raise NotImplementedError
