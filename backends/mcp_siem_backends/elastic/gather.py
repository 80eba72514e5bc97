"""The first stages of a correlation in ES|QL: the events of its base rules, in their groups, each one text.

`p` holds an event: its time, a rank that orders events of one instant, a flag for each base rule it matched, what the
analyst wants to see, and the values to count. Values are written so that neither `|` nor `,` is in them. Pure.
"""

from collections.abc import Iterator, Sequence

from mcp_siem_backends.elastic.bounds import HEAVY_STATES
from mcp_siem_backends.elastic.columns import column_name, literal_text
from mcp_siem_backends.elastic.levels import Leaf, Level, Plan, Slot

__all__ = ["FIELDS", "OFFSET", "gathered", "packed", "rank"]

# Added to times so that all have the same number of digits: then text order is order in time.
OFFSET = 10**15
FIELDS = ("ms", "r", "f", "s", "t", "u", "x")
_LONGEST_CONTEXT = 100
_LONGEST_VALUE = 200
_CONTEXT = {
    "s": ("mcp.server.name",),
    "t": ("gen_ai.tool.name",),
    "u": ("mcp.principal", "user.id", "user.email", "source.ip"),
    "x": ("mcp.argument.value", "mcp.request.text"),
}


def gathered(plan: Plan) -> Iterator[str]:
    """One row for each event and each of its groups, up to its text `p`."""
    profiles = list(dict.fromkeys((leaf.keys, leaf.slots) for leaf in plan.leaves))
    queries = [leaf.query for leaf in plan.leaves]
    yield f"FROM {plan.index.pattern} METADATA _id"
    yield f"WHERE {_found(plan, _either(queries))}"
    yield f"EVAL ms = TO_LONG(TO_DATETIME(@timestamp)), {_context(plan)}"
    if len(profiles) == 1:
        yield from _one_profile(plan)
    else:
        yield from _many_profiles(plan, plan.leaves, profiles)
    yield from _valued(plan)
    yield f'EVAL f = CONCAT({", ".join(_flags(plan))}, ""), id = _id'
    yield f"EVAL r = {rank(plan.levels[0])}"
    yield f"EVAL p = {packed(plan)}"


def rank(level: Level) -> str:
    """Among events of one instant, those that serve fewer later rules of an order come first."""
    if level.kind != "TEMPORAL_ORDERED":
        return '"00"'
    weights = [f'CASE(SUBSTRING(f, {member + 1}, 1) == "1", {at}, 0)' for at, member in enumerate(level.members)]
    return f'RIGHT(CONCAT("0", TO_STRING({" + ".join(weights)})), 2)'


def packed(plan: Plan) -> str:
    """The text of an event; its id, which may hold anything, comes last."""
    columns = [*FIELDS[1:], *(f"v{at}" for at in range(plan.slots)), "id"]
    return ', "|", '.join([f"CONCAT(TO_STRING(ms + {OFFSET})", *columns]) + ")"


def _context(plan: Plan) -> str:
    """Server, tool, caller and an argument of an event, bounded, for the analyst."""
    found = []
    for short, names in _CONTEXT.items():
        columns = [column for name in names if plan.index.knows(name) and (column := plan.index.column(name))]
        values = ", ".join([*(f"MV_FIRST({_text(plan, column)})" for column in columns), '""'])
        found.append(f'{short} = REPLACE(SUBSTRING(COALESCE({values}), 1, {_LONGEST_CONTEXT}), "[|\\n\\r]", "/")')
    return ", ".join(found)


def _one_profile(plan: Plan) -> Iterator[str]:
    """All base rules read the same fields."""
    leaf = plan.leaves[0]
    keys = [f"g{at} = {_text(plan, column)}" for at, column in enumerate(leaf.keys)]
    values = [column for at, slot in enumerate(leaf.slots) if slot for column in _raw(plan, at, slot)]
    if keys or values:
        yield f"EVAL {', '.join([*keys, *values])}"
    if len(plan.leaves) == 1:
        # Rows for each value are made here; without a key there is no group.
        for at in range(len(leaf.keys)):
            yield f"MV_EXPAND g{at}"
            yield f"WHERE g{at} IS NOT NULL"
        return
    # QSTR reads the document, so nothing may stand between; BY opens keys of several values itself.
    raw = [name for at, slot in enumerate(leaf.slots) if slot for name in _names(at, slot)]
    yield f"STATS {_counted(plan)} BY {', '.join(['_id', 'ms', *_CONTEXT, *_keys(plan), *raw])}"
    yield from (f"WHERE g{at} IS NOT NULL" for at in range(len(leaf.keys)))


def _many_profiles(
    plan: Plan, leaves: Sequence[Leaf], profiles: Sequence[tuple[tuple[str, ...], tuple[Slot | None, ...]]]
) -> Iterator[str]:
    """Base rules that name a key or a value by different fields: a row for each way to read the event, then one again."""
    made: list[str] = []
    for number, (keys, slots) in enumerate(profiles):
        made += [f"g{at}_{number} = {_text(plan, column)}" for at, column in enumerate(keys)]
        made += [
            f"{column.replace(' = ', f'_{number} = ', 1)}"
            for at, slot in enumerate(slots)
            if slot
            for column in _raw(plan, at, slot)
        ]
    yield f"EVAL {', '.join(made)}"
    names = [one.partition(" = ")[0] for one in made]
    yield f"STATS {_counted(plan)} BY {', '.join(['_id', 'ms', *_CONTEXT, *names])}"
    yield f"EVAL k = [{', '.join(map(str, range(len(profiles))))}]"
    yield "MV_EXPAND k"
    mine = [profiles.index((leaf.keys, leaf.slots)) for leaf in leaves]
    flags = [f"r{at} = CASE(k == {number}, r{at}, 0)" for at, number in enumerate(mine)]
    chosen = [_chosen(f"g{at}", range(len(profiles))) for at in range(len(plan.groups))]
    for at in range(plan.slots):
        having = [number for number, (_, slots) in enumerate(profiles) if slots[at]]
        chosen += [_chosen(name, having) for name in _names(at, _any_slots(plan)[at])]
    yield f"EVAL {', '.join([*flags, *chosen])}"
    yield f"WHERE {' + '.join(f'r{at}' for at in range(len(leaves)))} > 0"
    yield from (f"WHERE g{at} IS NOT NULL" for at in range(len(plan.groups)))
    raw = [name for at, slot in enumerate(_any_slots(plan)) for name in _names(at, slot)]
    if not raw:
        most = ", ".join(f"r{at} = MAX(r{at})" for at in range(len(leaves)))
        yield f"STATS {most} BY {', '.join(['_id', 'ms', *_CONTEXT, *_keys(plan)])}"


def _chosen(name: str, numbers: Sequence[int]) -> str:
    """The column as the profile `k` of the row reads it."""
    return f"{name} = CASE({', '.join(f'k == {number}, {name}_{number}' for number in numbers)}, null)"


def _any_slots(plan: Plan) -> list[Slot]:
    return [next(leaf.slots[at] for leaf in plan.leaves if leaf.slots[at]) for at in range(plan.slots)]  # type: ignore[misc]


def _raw(plan: Plan, at: int, slot: Slot) -> list[str]:
    """The columns of what is counted: numbers as one text, so that equal ones stay apart, texts as they are."""
    if not slot.numeric:
        return [f"y{at}_{place} = {_text(plan, column)}" for place, column in enumerate(slot.columns)]
    numbers = f"TO_DOUBLE({column_name(slot.columns[0])})"
    return [f'y{at}_0 = MV_CONCAT(TO_STRING({numbers}), ",")']


def _names(at: int, slot: Slot) -> list[str]:
    return [f"y{at}_{place}" for place in range(len(slot.columns))]


def _valued(plan: Plan) -> Iterator[str]:
    """`v`: the values of an event in one text, empty if it has none; then it counts only where nothing is counted."""
    slots = _any_slots(plan)
    if not slots:
        return
    for at, slot in enumerate(slots):
        if not slot.numeric and len(plan.leaves) == 1:
            yield from (f"MV_EXPAND {name}" for name in _names(at, slot))
    encoded = [f"y{at} = {_encoded(at, slot)}" for at, slot in enumerate(slots)]
    yield f"EVAL {', '.join(encoded)}"
    flags = [] if len(plan.leaves) == 1 else [f"r{at} = MAX(r{at})" for at in range(len(plan.leaves))]
    values = [f"v{at} = VALUES(y{at})" for at in range(len(slots))]
    yield f"STATS {', '.join([*flags, *values])} BY {', '.join(['_id', 'ms', *_CONTEXT, *_keys(plan)])}"
    yield "EVAL " + ", ".join(f'v{at} = COALESCE(MV_CONCAT(v{at}, ","), "")' for at in range(len(slots)))
    if len(plan.levels) == 1:
        yield 'WHERE v0 != ""'


def _encoded(at: int, slot: Slot) -> str:
    if slot.numeric:
        return f"y{at}_0"
    parts = [_safe(name) for name in _names(at, slot)]
    joined = ', "%&", '.join(parts)
    return parts[0] if len(parts) == 1 else f"CONCAT({joined})"


def _safe(name: str) -> str:
    """A value without `,`, `|` or line breaks; a long one as its hash, the empty one as a mark of its own."""
    text = name
    for char, written in (("%", "%25"), (",", "%2C"), ("[|]", "%7C"), ("\\n", "%0A")):
        text = f'REPLACE({text}, "{char}", "{written}")'
    return (
        f'CASE({name} == "", "%", LENGTH({name}) > {_LONGEST_VALUE}, '
        f'CONCAT("%sha256:", HASH("sha256", {name})), {text})'
    )


def _counted(plan: Plan) -> str:
    return ", ".join(f"r{at} = COUNT(*) WHERE {_found(plan, leaf.query)}" for at, leaf in enumerate(plan.leaves))


def _found(plan: Plan, query: str) -> str:
    more = f', {{"max_determinized_states": {HEAVY_STATES}}}' if plan.heavy else ""
    return f"QSTR({literal_text(query)}{more})"


def _flags(plan: Plan) -> list[str]:
    """A flag for each leaf, and one for each union: whether the event is one of its leaves'."""
    if len(plan.leaves) == 1:
        return ['"1"'] * (1 + len(plan.unions))
    parts = [(at,) for at in range(len(plan.leaves))]
    flags = [" OR ".join(f"r{at} > 0" for at in leaves) for leaves in [*parts, *plan.unions]]
    return [f'CASE({flag}, "1", "0")' for flag in flags]


def _text(plan: Plan, column: str) -> str:
    return plan.index.text_of(column)


def _keys(plan: Plan) -> list[str]:
    return [f"g{at}" for at in range(len(plan.groups))]


def _either(queries: Sequence[str]) -> str:
    listed = list(dict.fromkeys(queries))
    return listed[0] if len(listed) == 1 else " OR ".join(f"({query})" for query in listed)
