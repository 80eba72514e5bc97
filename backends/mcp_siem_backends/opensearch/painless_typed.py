"""Painless sources that read addresses and times out of texts, as the engine does."""

from mcp_siem_backends.opensearch.painless import EXACT, NUMBER, NUMERIC, TEXT, VALUES

__all__ = ["ADDRESS", "TIME"]

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
{VALUES}{EXACT}{TEXT}{NUMBER}{NUMERIC}int digit(String text, int from, int to) {{
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
