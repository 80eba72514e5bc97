"""A pattern that is too much work for Lucene, as a script that walks its places through the text, character by character.

Lucene makes a deterministic automaton of a pattern first, which can be exponentially larger. The script keeps all places
that a text can be at; its work is the length of the text times the places, whatever the pattern. Pure.
"""

from collections.abc import Iterator

from mcp_siem.convert.effort import Automaton, automaton
from mcp_siem.convert.pattern import Chars, Node, Seq
from mcp_siem.convert.refuse import RefusedError
from mcp_siem_backends.elastic.clause import Clause, joined, scripted, term
from mcp_siem_backends.elastic.limits import limit
from mcp_siem_backends.elastic.lucene import Wild, wildcard_text

__all__ = ["walked"]

_MOST_PLACES = 2_000
_MOST_STEPS = 15_000
_SHORTEST_LITERAL = 3

# `at` holds the places that the text can be at, `turn` marks those already there; the last place is the end.
_WALK = """\
boolean takes(List ranges, int point) {
  for (int i = 0; i < ranges.size(); i += 2) {
    if (point >= (int) ranges[i] && point <= (int) ranges[i + 1]) { return true; }
  }
  return false;
}
int step(int point, int[] at, int count, int[] next, int[] seen, int turn, Map p) {
  List sets = p.sets; List kinds = p.kinds; List follow = p.follow;
  boolean[] fits = new boolean[sets.size()];
  for (int i = 0; i < sets.size(); i++) { fits[i] = takes((List) sets[i], point); }
  int made = 0;
  for (int i = 0; i < count; i++) {
    int place = at[i];
    if (place < kinds.size() && fits[(int) kinds[place]]) {
      List after = (List) follow[place];
      for (int j = 0; j < after.size(); j++) {
        int to = (int) after[j];
        if (seen[to] != turn) { seen[to] = turn; next[made] = to; made++; }
      }
    }
  }
  return made;
}
boolean fits(String text, Map p) {
  int places = ((List) p.kinds).size() + 1;
  int[] at = new int[places]; int[] next = new int[places]; int[] seen = new int[places];
  List first = p.first;
  int count = first.size();
  for (int i = 0; i < count; i++) { at[i] = (int) first[i]; seen[at[i]] = -1; }
  int read = 0; int turn = 0;
  while (read < text.length() && count > 0) {
    int point = text.codePointAt(read);
    read += Character.charCount(point);
    turn++;
    count = step(point, at, count, next, seen, turn, p);
    int[] held = at; at = next; next = held;
  }
  for (int i = 0; i < count; i++) { if (at[i] == places - 1) { return true; } }
  return false;
}
if (!doc.containsKey(params.field)) { return false; }
for (def value : doc[params.field]) { if (fits(value.toString(), params)) { return true; } }
return false;
"""


def walked(name: str, node: Node, where: str) -> Clause:
    """The pattern by a script, asked only of texts that hold the longest literal of it; raises RefusedError if it is long."""
    found = automaton(node, most=_MOST_PLACES)
    if found is None or sum(after.bit_count() for after in found.follow) > _MOST_STEPS:
        raise RefusedError(limit("PATTERN-EFFORT"), where)
    script = scripted({"script": {"script": {"lang": "painless", "source": _WALK, "params": _params(name, found)}}})
    literal = max(_literals(node), key=len, default="")
    text = wildcard_text([Wild.MANY, literal, Wild.MANY]) if len(literal) >= _SHORTEST_LITERAL else None
    return joined("AND", [term(name, text), script]) if text else script


def _params(name: str, found: Automaton) -> dict[str, object]:
    kinds = list(dict.fromkeys(found.sets))
    end = len(found.sets)
    follow = [[*_bits(after), *([end] if found.last >> at & 1 else [])] for at, after in enumerate(found.follow)]
    return {
        "field": name,
        "sets": [[point for pair in ranges for point in pair] for ranges in kinds],
        "kinds": [kinds.index(ranges) for ranges in found.sets],
        "follow": follow,
        "first": [*_bits(found.first), *([end] if found.empty else [])],
    }


def _literals(node: Node) -> Iterator[str]:
    """The runs of single characters that every text of the pattern has."""
    run = ""
    for item in node.items if isinstance(node, Seq) else (node,):
        if isinstance(item, Chars) and len(item.ranges) == 1 and item.ranges[0][0] == item.ranges[0][1]:
            run += chr(item.ranges[0][0])
        else:
            yield run
            run = ""
    yield run


def _bits(number: int) -> Iterator[int]:
    while number:
        low = number & -number
        yield low.bit_length() - 1
        number ^= low
