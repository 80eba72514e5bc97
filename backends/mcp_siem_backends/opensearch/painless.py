"""Painless sources over the event as it was shipped: what the engine sees, JSON types, empty lists, null, texts of any length.

Run on OpenSearch 3.4.0, whose Painless knows constructors and methods by their number of arguments, and no class for
networks. A loop may run a million times in a script, so texts are gone through by methods, not character by character.
"""

__all__ = [
    "ABSENT",
    "COMPARED",
    "EXACT",
    "GLOB",
    "NUMBER",
    "NUMERIC",
    "PRESENT",
    "REGEX",
    "RELATED",
    "SEGMENTS",
    "TEXT",
    "VALUES",
]

# A dotted key and nesting both count, at any depth and in any mixture; lists are opened (events/event.py).
VALUES = """\
List opened(def data, String name) {
  List found = new ArrayList(); List nodes = new ArrayList(); List paths = new ArrayList();
  nodes.add(data); paths.add(name);
  while (nodes.size() > 0) {
    def node = nodes.remove(nodes.size() - 1);
    String path = (String) paths.remove(paths.size() - 1);
    if (node instanceof Map) {
      if (node.containsKey(path)) { found.add(node.get(path)); }
      int cut = path.indexOf(".");
      while (cut >= 0) {
        String head = path.substring(0, cut);
        if (node.containsKey(head)) { nodes.add(node.get(head)); paths.add(path.substring(cut + 1)); }
        cut = path.indexOf(".", cut + 1);
      }
    } else if (node instanceof List) { for (int at = node.size() - 1; at >= 0; at--) { nodes.add(node.get(at)); paths.add(path); } }
  }
  return found;
}
List leaves(def data, boolean inside) {
  List found = new ArrayList(); List nodes = new ArrayList();
  nodes.add(data);
  while (nodes.size() > 0) {
    def node = nodes.remove(nodes.size() - 1);
    if (node instanceof List) { for (int at = node.size() - 1; at >= 0; at--) { nodes.add(node.get(at)); } }
    else if (inside && node instanceof Map) { nodes.addAll(node.values()); }
    else { found.add(node); }
  }
  return found;
}
List values(def data, def name) { return name == null ? leaves(data, true) : leaves(opened(data, (String) name), false); }
"""

EXACT = """\
BigDecimal exact(double value) {
  long bits = Double.doubleToLongBits(value);
  int power = (int) ((bits >> 52) & 2047L);
  long mantissa = (bits & 4503599627370495L) | (power == 0 ? 0L : 4503599627370496L);
  power = (power == 0 ? 1 : power) - 1075;
  BigDecimal size = BigDecimal.valueOf(bits < 0 ? -mantissa : mantissa);
  return power >= 0 ? size.multiply(new BigDecimal("2").pow(power)) : size.multiply(new BigDecimal("0.5").pow(-power));
}
"""

# The text of a value (engine/values.py): whole numbers are their digits, others the shortest decimal form.
TEXT = """\
String decimal(double value) {
  if (Double.isNaN(value) || Double.isInfinite(value)) { return null; }
  if (value == Math.rint(value)) { return exact(value).toBigInteger().toString(); }
  String shortest = Double.toString(value);
  if (Math.abs(value) >= 1e-4) { return new BigDecimal(shortest).toPlainString(); }
  int mark = shortest.indexOf("E");
  String digits = shortest.substring(0, mark);
  if (digits.endsWith(".0")) { digits = digits.substring(0, digits.length() - 2); }
  String power = shortest.substring(mark + 2);
  return digits + "e-" + (power.length() == 1 ? "0" + power : power);
}
String text(def value) {
  if (value == null || value instanceof Map || value instanceof List) { return null; }
  return value instanceof Double || value instanceof Float ? decimal(value.doubleValue()) : value.toString();
}
"""

FOLD = """\
String fold(String text, Map folds) {
  if (text == null || folds == null) { return text; }
  if (text.chars().allMatch(unit -> unit < 128)) { return text.toLowerCase(Locale.ROOT); }
  return text.codePoints().mapToObj(point -> {
    def folded = point < 128 ? null : folds.get(Integer.toString(point));
    return folded != null ? (String) folded : String.copyValueOf(Character.toChars(point)).toLowerCase(Locale.ROOT);
  }).collect(Collectors.joining(""));
}
"""

# The grammar of a number in a text, and whole numbers compared digit by digit (engine/values.py).
NUMBER = """\
int digits(String text, int at) {
  while (at < text.length() && text.charAt(at) >= (char) 48 && text.charAt(at) <= (char) 57) { at++; }
  return at;
}
BigDecimal number(String text) {
  if (text == null || text.length() == 0 || text.length() > 400) { return null; }
  int start = text.charAt(0) == (char) 45 ? 1 : 0;
  int at = digits(text, start);
  if (at == start) { return null; }
  if (at == text.length()) { return new BigDecimal(text); }
  if (text.charAt(at) == (char) 46) {
    int end = digits(text, at + 1);
    if (end == at + 1) { return null; }
    at = end;
  }
  if (at < text.length() && (text.charAt(at) == (char) 69 || text.charAt(at) == (char) 101)) {
    at++;
    if (at < text.length() && (text.charAt(at) == (char) 43 || text.charAt(at) == (char) 45)) { at++; }
    int end = digits(text, at);
    if (end == at || end > at + 4) { return null; }
    at = end;
  }
  if (at != text.length()) { return null; }
  double value = Double.parseDouble(text);
  return Double.isInfinite(value) ? null : exact(value);
}
boolean ordered(int order, String operator) {
  if (operator == "lt") { return order < 0; }
  if (operator == "lte") { return order <= 0; }
  if (operator == "gt") { return order > 0; }
  if (operator == "gte") { return order >= 0; }
  return operator == "eq" ? order == 0 : order != 0;
}
"""

NUMERIC = """\
BigDecimal numeric(def value) { return value instanceof Boolean ? null : number(text(value)); }
"""

PRESENT = f"{VALUES}emit(opened(params._source, params.field).size() > 0);"

ABSENT = f"{VALUES}emit(leaves(opened(params._source, params.field), false).stream().allMatch(value -> value == null));"

# Segments stand in the text in order, the first at its start, the last at its end, without overlap.
SEGMENTS = f"""\
{VALUES}{EXACT}{TEXT}{FOLD}{NUMBER}{NUMERIC}boolean fits(String text, List segments) {{
  int last = segments.size() - 1;
  String head = (String) segments.get(0);
  if (last == 0) {{ return text == head; }}
  String tail = (String) segments.get(last);
  if (!text.startsWith(head) || !text.endsWith(tail)) {{ return false; }}
  int at = head.length(); int end = text.length() - tail.length();
  for (int place = 1; place < last; place++) {{
    String segment = (String) segments.get(place);
    at = text.indexOf(segment, at);
    if (at < 0 || at + segment.length() > end) {{ return false; }}
    at += segment.length();
  }}
  return at <= end;
}}
boolean found = false;
BigDecimal wanted = params.number == null ? null : number((String) params.number);
for (def value : values(params._source, params.field)) {{
  String text = fold(text(value), params.folds);
  if (text == null) {{ continue; }}
  if (fits(text, params.segments)) {{ found = true; break; }}
  if (wanted != null && !(value instanceof String)) {{
    BigDecimal held = numeric(value);
    if (held != null && held.compareTo(wanted) == 0) {{ found = true; break; }}
  }}
}}
emit(found);
"""

# A pattern is a list of code points; -1 is any one, -2 any number of them.
GLOB = f"""\
{VALUES}{EXACT}{TEXT}{FOLD}boolean fits(String text, List pattern) {{
  int[] points = text.codePoints().toArray();
  int at = 0; int place = 0; int star = -1; int mark = 0; int size = pattern.size();
  while (at < points.length) {{
    int wanted = place < size ? ((Number) pattern.get(place)).intValue() : -3;
    if (wanted == -1 || wanted == points[at]) {{ at++; place++; }}
    else if (wanted == -2) {{ star = place++; mark = at; }}
    else if (star >= 0) {{ place = star + 1; at = ++mark; }}
    else {{ return false; }}
  }}
  while (place < size && ((Number) pattern.get(place)).intValue() == -2) {{ place++; }}
  return place == size;
}}
boolean found = false;
for (def value : values(params._source, params.field)) {{
  String text = fold(text(value), params.folds);
  if (text != null && fits(text, params.pattern)) {{ found = true; break; }}
}}
emit(found);
"""

# A pattern for the whole text, as Glushkov's automaton; its deterministic states are made as the text asks for them. Sets of
# positions are written as spans, and are bits of a number; `edges` are the code points at which another kind of character begins.
REGEX = f"""\
{VALUES}{EXACT}{TEXT}BigInteger bits(List spans) {{
  BigInteger found = BigInteger.ZERO;
  for (int at = 0; at < spans.size(); at += 2) {{
    found = found.or(BigInteger.ONE.shiftLeft((int) spans.get(at + 1)).subtract(BigInteger.ONE.shiftLeft((int) spans.get(at))));
  }}
  return found;
}}
BigInteger after(BigInteger taken, Map pattern) {{
  BigInteger found = BigInteger.ZERO; BigInteger left = taken;
  while (left.signum() != 0) {{
    int at = left.getLowestSetBit();
    found = found.or(bits((List) pattern.follow.get(at)));
    left = left.clearBit(at);
  }}
  return found;
}}
int reached(int state, int kind, Map pattern, List states, Map known) {{
  BigInteger next = state == 0 ? bits((List) pattern.first) : after((BigInteger) states.get(state), pattern);
  BigInteger taken = next.and(bits((List) pattern.kinds.get(kind)));
  if (taken.signum() == 0) {{ return -1; }}
  def held = known.get(taken);
  if (held != null) {{ return (int) held; }}
  states.add(taken);
  known.put(taken, states.size() - 1);
  return states.size() - 1;
}}
boolean fits(String text, Map pattern, List states, Map known, Map steps) {{
  int[] points = text.codePoints().toArray();
  int state = 0; int kinds = pattern.kinds.size();
  for (int at = 0; at < points.length; at++) {{
    int found = Collections.binarySearch(pattern.edges, points[at]);
    int kind = found >= 0 ? found : -found - 2;
    int step = state * kinds + kind;
    def next = steps.get(step);
    if (next == null) {{ next = reached(state, kind, pattern, states, known); steps.put(step, next); }}
    state = (int) next;
    if (state < 0) {{ return false; }}
  }}
  if (state == 0) {{ return pattern.empty; }}
  return ((BigInteger) states.get(state)).and(bits((List) pattern.last)).signum() != 0;
}}
boolean found = false;
List states = new ArrayList(); states.add(BigInteger.ZERO);
Map known = new HashMap(); Map steps = new HashMap();
for (def value : values(params._source, params.field)) {{
  String text = text(value);
  if (text != null && fits(text, params.pattern, states, known, steps)) {{ found = true; break; }}
  if (states.size() > 10000) {{ states.clear(); states.add(BigInteger.ZERO); known.clear(); steps.clear(); }}
}}
emit(found);
"""

COMPARED = f"""\
{VALUES}{EXACT}{TEXT}{NUMBER}{NUMERIC}boolean found = false;
BigDecimal wanted = number((String) params.number);
for (def value : values(params._source, params.field)) {{
  BigDecimal held = numeric(value);
  if (held != null && ordered(held.compareTo(wanted), (String) params.operator)) {{ found = true; break; }}
}}
emit(found);
"""

RELATED = f"""\
{VALUES}{EXACT}{TEXT}{FOLD}boolean found = false;
List others = new ArrayList();
for (def value : values(params._source, params.other)) {{
  String text = fold(text(value), params.folds);
  if (text != null) {{ others.add(text); }}
}}
if (others.size() > 0) {{
  for (def value : values(params._source, params.field)) {{
    String text = fold(text(value), params.folds);
    if (text == null) {{ continue; }}
    for (String other : others) {{
      if (params.how == "contains" ? text.contains(other) : params.how == "starts" ? text.startsWith(other)
          : params.how == "ends" ? text.endsWith(other) : text == other) {{ found = true; }}
    }}
  }}
}}
emit(found);
"""
