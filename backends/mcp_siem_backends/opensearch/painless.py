"""Painless sources over the event as it was shipped: what the engine sees, JSON types, empty lists, null, texts of any length.

Run on OpenSearch 3.4.0, whose Painless knows constructors and methods by their number of arguments, and no class for
networks. A loop may run a million times in a script, so texts are gone through by methods, not character by character.
"""

__all__ = [
    "ABSENT",
    "ADDRESS",
    "COMPARED",
    "EXACT",
    "GLOB",
    "NUMBER",
    "PRESENT",
    "RELATED",
    "SEGMENTS",
    "TEXT",
    "TIME",
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
    } else if (node instanceof List) { for (def item : node) { nodes.add(item); paths.add(path); } }
  }
  return found;
}
List leaves(def data, boolean inside) {
  List found = new ArrayList(); List nodes = new ArrayList();
  nodes.add(data);
  while (nodes.size() > 0) {
    def node = nodes.remove(nodes.size() - 1);
    if (node instanceof List) { nodes.addAll(node); }
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

_NUMERIC = """\
BigDecimal numeric(def value) { return value instanceof Boolean ? null : number(text(value)); }
"""

PRESENT = f"{VALUES}emit(opened(params._source, params.field).size() > 0);"

ABSENT = f"{VALUES}emit(leaves(opened(params._source, params.field), false).stream().allMatch(value -> value == null));"

# Segments stand in the text in order, the first at its start, the last at its end, without overlap.
SEGMENTS = f"""\
{VALUES}{EXACT}{TEXT}{FOLD}{NUMBER}{_NUMERIC}boolean fits(String text, List segments) {{
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

COMPARED = f"""\
{VALUES}{EXACT}{TEXT}{NUMBER}{_NUMERIC}boolean found = false;
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

# Addresses as Python's ipaddress reads them: strict dotted quads, IPv6 with an optional zone. IPv4-mapped ones are both.
ADDRESS = f"""\
{VALUES}List quad(String text) {{
  List found = new ArrayList();
  int start = 0;
  while (start >= 0) {{
    int dot = text.indexOf(".", start);
    String part = dot < 0 ? text.substring(start) : text.substring(start, dot);
    if (part.length() == 0 || part.length() > 3 || (part.length() > 1 && part.charAt(0) == (char) 48)) {{ return null; }}
    for (int at = 0; at < part.length(); at++) {{
      if (part.charAt(at) < (char) 48 || part.charAt(at) > (char) 57) {{ return null; }}
    }}
    int value = Integer.parseInt(part);
    if (value > 255 || found.size() == 4) {{ return null; }}
    found.add(value);
    start = dot < 0 ? -1 : dot + 1;
  }}
  return found.size() == 4 ? found : null;
}}
List groups(String text) {{
  List found = new ArrayList();
  if (text.length() == 0) {{ return found; }}
  int start = 0;
  while (start >= 0) {{
    int colon = text.indexOf(":", start);
    String part = colon < 0 ? text.substring(start) : text.substring(start, colon);
    if (colon < 0 && part.indexOf(".") >= 0) {{
      List last = quad(part);
      if (last == null) {{ return null; }}
      found.addAll(last);
      return found;
    }}
    if (part.length() == 0 || part.length() > 4) {{ return null; }}
    int value = 0;
    for (int at = 0; at < part.length(); at++) {{
      int digit = "0123456789abcdef".indexOf(part.substring(at, at + 1).toLowerCase(Locale.ROOT));
      if (digit < 0) {{ return null; }}
      value = value * 16 + digit;
    }}
    found.add(value / 256);
    found.add(value % 256);
    start = colon < 0 ? -1 : colon + 1;
  }}
  return found;
}}
List six(String text) {{
  int zone = text.indexOf("%");
  if (zone >= 0) {{
    if (zone == text.length() - 1 || text.indexOf("%", zone + 1) >= 0) {{ return null; }}
    text = text.substring(0, zone);
  }}
  int gap = text.indexOf("::");
  if (gap < 0) {{
    List whole = groups(text);
    return whole != null && whole.size() == 16 ? whole : null;
  }}
  List left = groups(text.substring(0, gap)); List right = groups(text.substring(gap + 2));
  if (left == null || right == null || text.substring(0, gap).indexOf(".") >= 0 || left.size() + right.size() > 14) {{ return null; }}
  List found = new ArrayList(left);
  while (found.size() + right.size() < 16) {{ found.add(0); }}
  found.addAll(right);
  return found;
}}
boolean inside(List address, List network, int bits) {{
  if (address == null || address.size() != network.size()) {{ return false; }}
  for (int at = 0; at < address.size() && bits > at * 8; at++) {{
    int shift = bits - at * 8 >= 8 ? 0 : 8 - (bits - at * 8);
    if ((((int) address.get(at)) >> shift) != (((Number) network.get(at)).intValue() >> shift)) {{ return false; }}
  }}
  return true;
}}
boolean found = false;
int bits = ((Number) params.bits).intValue();
for (def value : values(params._source, params.field)) {{
  if (!(value instanceof String) || value.length() > 64) {{ continue; }}
  List address = value.indexOf(":") < 0 ? quad(value) : six(value);
  if (inside(address, params.network, bits)) {{ found = true; break; }}
  if (address != null && address.size() == 16 && address.get(10) == 255 && address.get(11) == 255
      && address.subList(0, 10).stream().allMatch(one -> one == 0)
      && inside(address.subList(12, 16), params.network, bits)) {{ found = true; break; }}
}}
emit(found);
"""

# Times as events/time.py reads them: RFC 3339 with its common liberties, or an epoch number read by its size.
TIME = f"""\
{VALUES}{EXACT}{TEXT}{NUMBER}{_NUMERIC}int digit(String text, int from, int to) {{
  return to <= text.length() && digits(text, from) >= to ? Integer.parseInt(text.substring(from, to)) : -1;
}}
ZonedDateTime epoch(BigDecimal number) {{
  BigDecimal size = number.abs();
  if (size.compareTo(new BigDecimal("1e20")) >= 0) {{ return null; }}
  BigDecimal micros = size.compareTo(new BigDecimal("1e11")) < 0 ? number.multiply(new BigDecimal("1e6"))
    : size.compareTo(new BigDecimal("1e14")) < 0 ? number.multiply(new BigDecimal("1e3"))
    : size.compareTo(new BigDecimal("1e17")) < 0 ? number : null;
  BigDecimal whole = micros == null ? number.multiply(new BigDecimal("1e-3")) : micros.setScale(0, RoundingMode.HALF_EVEN);
  long millis = whole.multiply(new BigDecimal("1e-3")).setScale(0, RoundingMode.FLOOR).longValueExact();
  ZonedDateTime found = ZonedDateTime.ofInstant(Instant.ofEpochMilli(millis), ZoneOffset.UTC);
  return found.getYear() < 1 || found.getYear() > 9999 ? null : found;
}}
ZonedDateTime written(String text) {{
  if (text.length() < 10 || text.charAt(4) != (char) 45 || text.charAt(7) != (char) 45) {{ return null; }}
  int year = digit(text, 0, 4); int month = digit(text, 5, 7); int day = digit(text, 8, 10);
  int hour = 0; int minute = 0; int second = 0; int offset = 0; int at = 10;
  if (text.length() > 10) {{
    char mark = text.charAt(10);
    if ((mark != (char) 84 && mark != (char) 116 && mark != (char) 32) || text.length() < 16 || text.charAt(13) != (char) 58) {{ return null; }}
    hour = digit(text, 11, 13); minute = digit(text, 14, 16); at = 16;
    if (at < text.length() && text.charAt(at) == (char) 58) {{
      second = digit(text, 17, 19); at = 19;
      if (second == 60) {{ second = 59; }}
      if (at < text.length() && (text.charAt(at) == (char) 46 || text.charAt(at) == (char) 44)) {{
        int end = digits(text, at + 1);
        if (end == at + 1 || end > at + 19) {{ return null; }}
        at = end;
      }}
    }}
    String zone = at < text.length() ? text.substring(at) : "";
    if (zone.startsWith(" ")) {{ zone = zone.substring(1); if (zone == "") {{ return null; }} }}
    if (zone.startsWith("+") || zone.startsWith("-")) {{
      int colon = zone.length() > 3 && zone.charAt(3) == (char) 58 ? 1 : 0;
      int hours = digit(zone, 1, 3); int rest = zone.length() - 3 - colon;
      int minutes = rest == 2 ? digit(zone, 3 + colon, 5 + colon) : rest == 0 ? 0 : -1;
      if (hours < 0 || hours > 23 || minutes < 0 || minutes > 59) {{ return null; }}
      offset = (hours * 60 + minutes) * (zone.startsWith("-") ? -1 : 1);
    }} else if (zone != "" && zone != "Z" && zone != "z" && zone != "UTC") {{ return null; }}
  }}
  if (year < 1 || month < 1 || day < 1 || hour < 0 || minute < 0 || second < 0) {{ return null; }}
  ZonedDateTime found = ZonedDateTime.of(year, month, day, hour, minute, second, 0, ZoneOffset.UTC).minusMinutes(offset);
  return found.getYear() < 1 || found.getYear() > 9999 ? null : found;
}}
ZonedDateTime time(def value) {{
  if (value == null || value instanceof Boolean || value instanceof Map) {{ return null; }}
  try {{
    if (!(value instanceof String)) {{ BigDecimal held = numeric(value); return held == null ? null : epoch(held); }}
    if (value.length() > 64) {{ return null; }}
    String text = value.trim();
    String unsigned = text.startsWith("+") ? text.substring(1) : text;
    boolean plain = unsigned.indexOf("e") < 0 && unsigned.indexOf("E") < 0 && !unsigned.startsWith("+") && !text.startsWith("+-");
    BigDecimal held = plain && unsigned.length() <= 40 ? number(unsigned) : null;
    return held != null ? epoch(held) : written(text);
  }} catch (DateTimeException e) {{ return null; }} catch (ArithmeticException e) {{ return null; }}
}}
int part(ZonedDateTime time, String unit) {{
  if (unit == "minute") {{ return time.getMinute(); }}
  if (unit == "hour") {{ return time.getHour(); }}
  if (unit == "day") {{ return time.getDayOfMonth(); }}
  if (unit == "week") {{ return time.get(IsoFields.WEEK_OF_WEEK_BASED_YEAR); }}
  return unit == "month" ? time.getMonthValue() : time.getYear();
}}
boolean found = false;
BigDecimal wanted = number((String) params.number);
for (def value : values(params._source, params.field)) {{
  ZonedDateTime held = time(value);
  if (held != null && ordered(BigDecimal.valueOf((long) part(held, (String) params.unit)).compareTo(wanted), (String) params.operator)) {{ found = true; break; }}
}}
emit(found);
"""
