"""Where a rule looks: the macro and source type that bound it, and the datasets that are not its business."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from mcp_siem.events.taxonomy import Taxonomy
from mcp_siem_backends.splunk.leaves import text
from mcp_siem_backends.splunk.pattern import Wildcard
from mcp_siem_backends.splunk.predicate import Node, all_of, any_of, negated, search_terms, where_rest

__all__ = ["ENDPOINT_MACRO", "INDEX_MACRO", "SOURCETYPE", "Scope", "scope_of", "search_spl"]

INDEX_MACRO = "mcp_siem_index"
ENDPOINT_MACRO = "mcp_siem_endpoint_index"
SOURCETYPE = "mcp:normalized"
_DATASET = "event.dataset"


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """`bound` starts every search, so that none looks at everything; `routing` leaves out other rules' datasets.

    An event without a dataset, or with one that the taxonomy does not know, is tried against every rule.
    """

    bound: str
    routing: Node | None = None
    is_mcp: bool = True

    def narrowed(self, node: Node) -> Node:
        """The condition with the routing."""
        return node if self.routing is None else all_of([self.routing, node])


def scope_of(category: str | None, product: str | None, service: str | None, taxonomy: Taxonomy | None) -> Scope:
    """The scope of a Sigma logsource; events of product `mcp` are ours, all others are where the site keeps them."""
    is_mcp = (product or "").casefold() == "mcp"
    bound = f'`{INDEX_MACRO}` sourcetype="{SOURCETYPE}"' if is_mcp else f"`{ENDPOINT_MACRO}`"
    known = list(taxonomy.datasets) if taxonomy else []
    fitting = {
        name
        for name in known
        if taxonomy and taxonomy.matches(name, category=category, product=product, service=service)
    }
    return Scope(bound=bound, routing=_routing(known, fitting), is_mcp=is_mcp)


def _routing(known: Sequence[str], fitting: Collection[str]) -> Node | None:
    """Families of which no member fits are named by their prefix."""
    families = {family for name in known if (family := name.partition(".")[0]) != name}
    apart = {family for family in families if not any(name.startswith(f"{family}.") for name in fitting)}
    singles = {name for name in known if name not in fitting and name.partition(".")[0] not in apart}
    leaves = [text(_DATASET, [f"{family}.", Wildcard.MANY]) for family in sorted(apart)]
    leaves += [text(_DATASET, [name]) for name in sorted(singles)]
    return negated(any_of(leaves)) if leaves else None


def search_spl(scope: Scope, node: Node) -> str:
    """The whole search of a rule over single events."""
    narrowed = scope.narrowed(node)
    first = " ".join([scope.bound, *search_terms(narrowed)])
    rest = where_rest(narrowed)
    return first if rest is None else f"{first}\n| where {rest}"
