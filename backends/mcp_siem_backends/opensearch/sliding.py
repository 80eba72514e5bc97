"""Correlations as Painless: exact sliding windows over the events that one search finds. Run on OpenSearch 3.4.0.

`MAP` keeps of each event its time, its place in the index, which base rules it matched (bits, the score of the query) and
the texts of the fields that are asked for. `REDUCE` goes through all of them in order, as engine/correlate.py does.
"""

from mcp_siem_backends.opensearch.painless import EXACT, NUMBER, TEXT, VALUES

__all__ = ["COMBINE", "INIT", "MAP", "REDUCE"]

INIT = "state.events = new ArrayList(); state.full = false;"

COMBINE = "return state;"

# A time of the shipped form has microseconds, of which the index keeps the first three digits.
MAP = f"""\
{VALUES}{EXACT}{TEXT}long micros(def written, long millis) {{
  if (written instanceof String && written.length() == 27 && written.endsWith("Z") && written.charAt(19) == (char) 46) {{
    String rest = written.substring(23, 26);
    if (rest.chars().allMatch(one -> one >= 48 && one <= 57)) {{ return millis * 1000L + Integer.parseInt(rest); }}
  }}
  return millis * 1000L;
}}
List texts(def source, String name) {{
  List found = new ArrayList();
  for (def value : values(source, name)) {{ String text = text(value); if (text != null) {{ found.add(text); }} }}
  return found;
}}
List shown(def source, String name, int longest) {{
  List found = new ArrayList();
  for (String text : texts(source, name)) {{
    if (found.size() < 3) {{ found.add(text.length() > longest ? text.substring(0, longest) : text); }}
  }}
  return found;
}}
if (state.full || doc['@timestamp'].size() == 0) {{ return; }}
if (state.events.size() >= params.most) {{ state.full = true; state.events.clear(); return; }}
def source = params._source;
List times = texts(source, '@timestamp');
long millis = doc['@timestamp'].value.toInstant().toEpochMilli();
List read = new ArrayList();
for (String name : params.fields) {{ read.add(texts(source, name)); }}
List seen = new ArrayList();
for (String name : params.context) {{ seen.add(shown(source, name, 200)); }}
state.events.add([micros(times.size() == 1 ? times.get(0) : null, millis), doc['_seq_no'].value, (int) _score, read, seen]);
"""

# What a window measures, as engine/measure.py has it. A group is a map: `items` from `head` on are its window.
_MEASURES = """\
Map fresh(Map run) {
  int members = run.members.size();
  Map group = ['items': new ArrayList(), 'head': 0, 'alerted': false, 'row': null];
  String type = run.type;
  if (type == "value_count") { group.seen = new HashMap(); }
  else if (type == "temporal") { group.counts = zeros(members); }
  else if (type == "temporal_ordered") {
    List starts = new ArrayList();
    for (int at = 0; at < members; at++) { List row = new ArrayList(); for (int one = 0; one < members; one++) { row.add(Long.MIN_VALUE); } starts.add(row); }
    group.starts = starts; group.instant = Long.MIN_VALUE; group.together = 0; group.at_once = 0;
  }
  else if (type == "value_sum" || type == "value_avg") { group.total = BigDecimal.ZERO; group.count = 0; }
  else if (type != "event_count") { group.sorted = new ArrayList(); }
  return group;
}
List zeros(int size) { List found = new ArrayList(); for (int at = 0; at < size; at++) { found.add(0); } return found; }
boolean has(int members, int at) { return ((members >> at) & 1) == 1; }
int place(List sorted, BigDecimal value) { int found = Collections.binarySearch(sorted, value); return found >= 0 ? found : -found - 1; }
void grow(Map group, int size, int members, long time) {
  List starts = group.starts; List grown = new ArrayList();
  for (int member = 0; member < size; member++) {
    if (!has(members, member)) { continue; }
    for (int length = 1; length <= member; length++) {
      long best = Long.MIN_VALUE; List shorter = starts.get(length - 1);
      for (int before = 0; before < member; before++) { long start = (long) shorter.get(before); if (start > best) { best = start; } }
      if (best != Long.MIN_VALUE) { grown.add([length, member, best]); }
    }
  }
  for (int member = 0; member < size; member++) { if (has(members, member)) { starts.get(0).set(member, time); } }
  for (List one : grown) {
    List row = starts.get((int) one.get(0)); int member = one.get(1);
    if ((long) one.get(2) > (long) row.get(member)) { row.set(member, (long) one.get(2)); }
  }
}
void chained(Map group, int size, int members, long time) {
  if (group.instant == time) { group.together |= members; group.at_once += 1; } else { group.instant = time; group.together = members; group.at_once = 1; }
  grow(group, size, members, time);
  if (group.at_once > 1) {
    for (int pass = 1; pass < size; pass++) { for (int one = 0; one < size; one++) { if (has(group.together, one)) { grow(group, size, 1 << one, time); } } }
  }
}
void enter(Map run, Map group, List item) {
  String type = run.type; int members = item.get(1); List values = item.get(2);
  if (type == "value_count") { for (def value : values) { group.seen.put(value, (int) group.seen.getOrDefault(value, 0) + 1); } }
  else if (type == "temporal") { for (int at = 0; at < group.counts.size(); at++) { if (has(members, at)) { group.counts.set(at, (int) group.counts.get(at) + 1); } } }
  else if (type == "temporal_ordered") { chained(group, run.members.size(), members, (long) item.get(0)); }
  else if (type == "value_sum" || type == "value_avg") { for (BigDecimal value : values) { group.total = group.total.add(value); group.count += 1; } }
  else if (type != "event_count") { for (BigDecimal value : values) { group.sorted.add(place(group.sorted, value), value); } }
}
void leave(Map run, Map group, List item) {
  String type = run.type; int members = item.get(1); List values = item.get(2);
  if (type == "value_count") { for (def value : values) { int left = (int) group.seen.get(value) - 1; if (left == 0) { group.seen.remove(value); } else { group.seen.put(value, left); } } }
  else if (type == "temporal") { for (int at = 0; at < group.counts.size(); at++) { if (has(members, at)) { group.counts.set(at, (int) group.counts.get(at) - 1); } } }
  else if (type == "value_sum" || type == "value_avg") { for (BigDecimal value : values) { group.total = group.total.subtract(value); group.count -= 1; } }
  else if (type != "event_count" && type != "temporal_ordered") { for (BigDecimal value : values) { group.sorted.remove(place(group.sorted, value)); } }
}
boolean seen(List condition, List counts) {
  List stack = new ArrayList();
  for (int token : condition) {
    if (token >= 0) { stack.add((int) counts.get(token) > 0); continue; }
    boolean last = stack.remove(stack.size() - 1);
    if (token == -3) { stack.add(!last); continue; }
    boolean first = stack.remove(stack.size() - 1);
    stack.add(token == -1 ? first && last : first || last);
  }
  return stack.get(0);
}
int longest(List starts, long floor) {
  int found = 0;
  for (List row : starts) { if (row.stream().anyMatch(start -> (long) start >= floor)) { found++; } }
  return found;
}
BigDecimal hundredfold(List sorted, int percentile) {
  int share = percentile * (sorted.size() - 1); int below = share / 100;
  BigDecimal low = sorted.get(below);
  BigDecimal found = low.multiply(BigDecimal.valueOf(100L));
  return share % 100 == 0 ? found : found.add(((BigDecimal) sorted.get(below + 1)).subtract(low).multiply(BigDecimal.valueOf((long) (share % 100))));
}
boolean holds(Map run, Map group, long floor) {
  String type = run.type; String operator = run.operator; long number = ((Number) run.number).longValue();
  int size = group.items.size() - (int) group.head;
  if (size == 0) { return false; }
  if (type == "event_count") { return ordered(Long.compare((long) size, number), operator); }
  if (type == "value_count") { return ordered(Long.compare((long) group.seen.size(), number), operator); }
  if (type == "temporal") {
    if (run.condition != null) { return seen(run.condition, group.counts); }
    return ordered(Long.compare(group.counts.stream().filter(count -> (int) count > 0).count(), number), operator);
  }
  if (type == "temporal_ordered") { return ordered(Long.compare((long) longest(group.starts, floor), number), operator); }
  BigDecimal limit = BigDecimal.valueOf(number);
  if (type == "value_sum") { return ordered(group.total.compareTo(limit), operator); }
  if (type == "value_avg") { return ordered(group.total.compareTo(limit.multiply(BigDecimal.valueOf((long) group.count))), operator); }
  return ordered(hundredfold(group.sorted, (int) run.percentile).compareTo(limit.multiply(BigDecimal.valueOf(100L))), operator);
}
"""

# What an event brings to the groups of a correlation: `bound` are fields that an inner correlation names by its group.
_PARTS = """\
List combined(List choices, Map lost) {
  List found = new ArrayList(); found.add(new ArrayList());
  for (Set choice : choices) {
    List longer = new ArrayList();
    for (List start : found) { extend(start, choice, longer, lost); }
    found = longer;
  }
  return found;
}
void extend(List start, Set choice, List longer, Map lost) {
  for (def one : choice) {
    if (longer.size() >= 1000) { lost.n = (int) lost.n + 1; return; }
    List more = new ArrayList(start); more.add(one); longer.add(more);
  }
}
List texts(List read, Map bound, int field) { return bound.containsKey(field) ? [bound.get(field)] : (List) read.get(field); }
List choices(List read, Map bound, List fields) {
  List found = new ArrayList();
  for (int field : fields) { found.add(new LinkedHashSet(texts(read, bound, field))); }
  return found;
}
List counted(List read, Map bound, List fields, boolean numeric, Map lost) {
  if (!numeric) { return fields.size() == 0 ? new ArrayList() : combined(choices(read, bound, fields), lost); }
  List found = new ArrayList();
  for (String text : texts(read, bound, (int) fields.get(0))) {
    BigDecimal value = number(text);
    if (value == null) { continue; }
    if (found.size() >= 1000) { lost.n = (int) lost.n + 1; return found; }
    found.add(value);
  }
  return found;
}
void join(Map parts, Map run, int place, List read, Map bound, Map lost) {
  Map member = run.members.get(place);
  List values = counted(read, bound, member.counted, (boolean) run.numeric, lost);
  for (List key : combined(choices(read, bound, member.groups), lost)) {
    Map part = parts.computeIfAbsent(key, one -> ['members': 0, 'values': new LinkedHashMap()]);
    part.members |= 1 << place;
    part.values.put(member.counted, values);
  }
}
"""

_WINDOWS = """\
void forget(Map run, Map group, long floor) {
  List items = group.items; int head = group.head;
  while (head < items.size() && (long) items.get(head).get(0) < floor) { leave(run, group, items.get(head)); items.set(head, null); head++; }
  if (head > 1000 && head * 2 > items.size()) { items.subList(0, head).clear(); head = 0; }
  group.head = head;
}
boolean taken(Map run, Map group, List event, Map part) {
  long time = event.get(0); long floor = time - ((Number) run.timespan).longValue();
  forget(run, group, floor);
  group.was = (boolean) group.alerted && holds(run, group, floor);
  List values = new ArrayList();
  for (List some : part.values.values()) { values.addAll(some); }
  List item = [time, part.members, values, event.get(4)];
  group.items.add(item);
  enter(run, group, item);
  group.alerted = holds(run, group, floor);
  return group.alerted;
}
void show(Map row, List context, List seen) {
  for (int at = 0; at < context.size(); at++) {
    Set held = row.context.computeIfAbsent(context.get(at), name -> new LinkedHashSet());
    for (def one : seen.get(at)) { if (held.size() < 20) { held.add(one); } }
  }
}
String instant(long time) { return Instant.ofEpochSecond(time / 1000000L, (time % 1000000L) * 1000L).toString(); }
Map begun(Map run, Map group, List key, List context) {
  Map names = new LinkedHashMap();
  for (int at = 0; at < key.size(); at++) { names.put(run.group_by.get(at), key.get(at)); }
  List items = group.items; int head = group.head;
  Map row = ['group': names, 'first_seen': instant((long) items.get(head).get(0)), 'events': items.size() - head, 'times': new ArrayList(), 'more': 0, 'context': new LinkedHashMap()];
  for (int at = (items.size() - 1000 > head ? items.size() - 1000 : head); at < items.size(); at++) { show(row, context, items.get(at).get(3)); }
  return row;
}
void alert(Map run, Map group, List key, List event, List context, List rows, Map lost) {
  if (!group.was || group.row == null) {
    if (rows.size() >= 10000) { lost.rows = (int) lost.rows + 1; group.row = null; return; }
    group.row = begun(run, group, key, context); rows.add(group.row);
  } else { show(group.row, context, event.get(4)); group.row.events += 1; }
  if (group.row.times.size() < 1000) { group.row.times.add(instant((long) event.get(0))); } else { group.row.more += 1; }
  group.row.last_seen = instant((long) event.get(0));
}
void feed(Map run, Map groups, List event, List held, List context, List rows, Map lost) {
  Map parts = new LinkedHashMap();
  int bits = event.get(2);
  for (int place = 0; place < run.members.size(); place++) {
    Map member = run.members.get(place);
    if (member.bit != null) { if (has(bits, (int) member.bit)) { join(parts, run, place, event.get(3), [:], lost); } }
    else { for (Map bound : held.get((int) member.run)) { join(parts, run, place, event.get(3), bound, lost); } }
  }
  for (Map.Entry one : parts.entrySet()) {
    Map part = one.getValue();
    if (run.counts && part.values.values().stream().allMatch(some -> some.isEmpty())) { continue; }
    List key = one.getKey();
    Map group = groups.computeIfAbsent(key, name -> fresh(run));
    if (!taken(run, group, event, part)) { continue; }
    if (run.last) { alert(run, group, key, event, context, rows, lost); continue; }
    Map bound = new HashMap();
    for (int at = 0; at < key.size(); at++) { bound.put(run.group_fields.get(at), key.get(at)); }
    held.get((int) run.place).add(bound);
  }
}
void through(List runs, List groups, List event, List context, List rows, Map lost) {
  List held = new ArrayList();
  for (Map run : runs) { held.add(new ArrayList()); }
  for (Map run : runs) { feed(run, (Map) groups.get((int) run.place), event, held, context, rows, lost); }
}
"""

REDUCE = f"""\
{EXACT}{NUMBER}{_MEASURES}{_PARTS}{_WINDOWS}List events = new ArrayList();
for (def one : states) {{
  if (one == null) {{ continue; }}
  if (one.full || events.size() + one.events.size() > params.most) {{
    throw new IllegalArgumentException("more than " + params.most + " events for one correlation: search a shorter time");
  }}
  events.addAll(one.events);
}}
events.sort((one, other) -> {{
  int order = Long.compare((long) one.get(0), (long) other.get(0));
  return order != 0 ? order : Long.compare((long) one.get(1), (long) other.get(1));
}});
List rows = new ArrayList(); List groups = new ArrayList();
for (Map run : params.runs) {{ groups.add(new HashMap()); }}
Map lost = ['n': 0, 'rows': 0];
for (List event : events) {{ through(params.runs, groups, event, params.context, rows, lost); }}
return ['alerts': rows, 'events': events.size(), 'lost': lost.n, 'more': lost.rows];
"""
