"""What Lucene cannot say of one event, as script queries: fixed Painless sources, everything else in their parameters.

A script reads the values that the index keeps by document, of fields that may not be mapped yet; any value may fulfil
it, and a document without one does not. Values longer than the index keeps (template.py) are not seen, as in Lucene.
Run on 8.19.4 and 9.4.3. Pure.
"""

from collections.abc import Mapping, Sequence

from mcp_siem.convert.casing import fold_mappings

__all__ = ["address_script", "empty_script", "glob_script", "number_script", "related_script", "time_script"]

Document = dict[str, object]

_FOLD = """\
String fold(String text, Map folds) {
  if (folds == null) { return text; }
  StringBuilder out = new StringBuilder();
  int at = 0;
  while (at < text.length()) {
    int point = text.codePointAt(at);
    int end = at + Character.charCount(point);
    def folded = point < 128 ? null : folds[Integer.toString(point)];
    out.append(folded == null ? text.substring(at, end).toLowerCase(Locale.ROOT) : folded.toString());
    at = end;
  }
  return out.toString();
}
"""

_EMPTY = """\
if (!doc.containsKey(params.field)) { return false; }
for (def value : doc[params.field]) { if (value.toString().length() == 0) { return true; } }
return false;
"""

_ADDRESS = """\
if (!doc.containsKey(params.field)) { return false; }
CIDR network = new CIDR(params.network);
for (def value : doc[params.field]) {
  String text = value.toString();
  if (text.length() > 64 || (params.six && text.indexOf(":") < 0)) { continue; }
  int zone = text.indexOf("%");
  if (zone >= 0) {
    if (zone == text.length() - 1 || text.indexOf("%", zone + 1) >= 0 || text.indexOf(":") < 0) { continue; }
    text = text.substring(0, zone);
  }
  try { if (network.contains(text)) { return true; } } catch (IllegalArgumentException e) { }
}
return false;
"""

_RELATED = f"""\
{_FOLD}if (!doc.containsKey(params.field) || !doc.containsKey(params.other)) {{ return false; }}
List others = new ArrayList();
for (def value : doc[params.other]) {{ others.add(fold(value.toString(), params.other_folds)); }}
for (def value : doc[params.field]) {{
  String text = fold(value.toString(), params.field_folds);
  for (String other : others) {{
    if (params.how == "contains" ? text.contains(other) : params.how == "starts" ? text.startsWith(other)
        : params.how == "ends" ? text.endsWith(other) : text.equals(other)) {{ return true; }}
  }}
}}
return false;
"""

# The grammar of a number in a text, and whole numbers compared digit by digit, as engine/values.py has them.
_NUMBER = """\
int digits(String text, int at) {
  while (at < text.length() && text.charAt(at) >= (char) 48 && text.charAt(at) <= (char) 57) { at++; }
  return at;
}
BigDecimal number(String text) {
  if (text.length() == 0 || text.length() > 400) { return null; }
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
  return Double.isInfinite(value) ? null : BigDecimal.valueOf(value);
}
boolean ordered(int order, String operator) {
  if (operator == "lt") { return order < 0; }
  if (operator == "lte") { return order <= 0; }
  if (operator == "gt") { return order > 0; }
  if (operator == "gte") { return order >= 0; }
  return operator == "eq" ? order == 0 : order != 0;
}
"""

_COMPARED = f"""\
{_NUMBER}if (!doc.containsKey(params.field)) {{ return false; }}
BigDecimal limit = number(params.number);
for (def value : doc[params.field]) {{
  BigDecimal found = number(value.toString());
  if (found != null && ordered(found.compareTo(limit), params.operator)) {{ return true; }}
}}
return false;
"""

# Times as events/time.py reads them: RFC 3339 with its common liberties, or an epoch number read by its size.
_TIME = f"""\
{_NUMBER}int digit(String text, int from, int to) {{
  return to <= text.length() && digits(text, from) >= to ? Integer.parseInt(text.substring(from, to)) : -1;
}}
ZonedDateTime time(String raw) {{
  String text = raw.trim();
  String unsigned = text.startsWith("+") ? text.substring(1) : text;
  BigDecimal epoch = raw.length() <= 64 && unsigned.indexOf("e") < 0 && unsigned.indexOf("E") < 0 ? number(unsigned) : null;
  try {{
    if (epoch != null) {{
      double size = Math.abs(epoch.doubleValue());
      if (size >= 1e20) {{ return null; }}
      long unit = size < 1e14 ? 1L : size < 1e17 ? 1000L : 1000000L;
      long whole = size < 1e11 ? (long) Math.floor(epoch.doubleValue() * 1000.0) : epoch.longValue();
      long millis = whole / unit - (whole < 0 && whole % unit != 0 ? 1L : 0L);
      ZonedDateTime found = ZonedDateTime.ofInstant(Instant.ofEpochMilli(millis), ZoneOffset.UTC);
      return found.getYear() < 1 || found.getYear() > 9999 ? null : found;
    }}
    if (raw.length() > 64 || text.length() < 10 || text.charAt(4) != (char) 45 || text.charAt(7) != (char) 45) {{ return null; }}
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
      if (at < text.length() && text.charAt(at) == (char) 32) {{ at++; }}
      String zone = text.substring(at);
      if (zone.startsWith("+") || zone.startsWith("-")) {{
        String rest = zone.substring(1).replace(":", "");
        boolean colon = zone.length() > 3 && zone.charAt(3) == (char) 58;
        boolean fits = rest.length() == (zone.length() - (colon ? 2 : 1)) && (rest.length() == 2 || rest.length() == 4);
        int hours = digit(rest, 0, 2); int minutes = rest.length() == 4 ? digit(rest, 2, 4) : 0;
        if (!fits || hours < 0 || hours > 23 || minutes < 0 || minutes > 59) {{ return null; }}
        offset = (hours * 60 + minutes) * (zone.startsWith("-") ? -1 : 1);
      }} else if (zone != "" && zone != "Z" && zone != "z" && zone != "UTC") {{ return null; }}
    }}
    return ZonedDateTime.of(year, month, day, hour, minute, second, 0, ZoneOffset.UTC).minusMinutes(offset);
  }} catch (DateTimeException e) {{ return null; }}
}}
int part(ZonedDateTime time, String unit) {{
  if (unit == "minute") {{ return time.getMinute(); }}
  if (unit == "hour") {{ return time.getHour(); }}
  if (unit == "day") {{ return time.getDayOfMonth(); }}
  if (unit == "week") {{ return time.get(IsoFields.WEEK_OF_WEEK_BASED_YEAR); }}
  return unit == "month" ? time.getMonthValue() : time.getYear();
}}
if (!doc.containsKey(params.field)) {{ return false; }}
BigDecimal limit = number(params.number);
for (def value : doc[params.field]) {{
  def found = value instanceof ZonedDateTime ? value : time(value.toString());
  if (found != null && ordered(BigDecimal.valueOf((double) part(found, params.unit)).compareTo(limit), params.operator)) {{ return true; }}
}}
return false;
"""

# A pattern is a list of code points; -1 is any one, -2 any number of them.
_GLOB = f"""\
{_FOLD}boolean fits(String text, List pattern) {{
  List points = new ArrayList();
  int read = 0;
  while (read < text.length()) {{ points.add(text.codePointAt(read)); read += Character.charCount(text.codePointAt(read)); }}
  int at = 0; int place = 0; int star = -1; int mark = 0;
  while (at < points.size()) {{
    if (place < pattern.size() && ((int) pattern[place] == -1 || (int) pattern[place] == (int) points[at])) {{ at++; place++; }}
    else if (place < pattern.size() && (int) pattern[place] == -2) {{ star = place++; mark = at; }}
    else if (star >= 0) {{ place = star + 1; at = ++mark; }}
    else {{ return false; }}
  }}
  while (place < pattern.size() && (int) pattern[place] == -2) {{ place++; }}
  return place == pattern.size();
}}
if (!doc.containsKey(params.field)) {{ return false; }}
for (def value : doc[params.field]) {{ if (fits(fold(value.toString(), params.folds), params.pattern)) {{ return true; }} }}
return false;
"""


def empty_script(field: str) -> Document:
    """A value is the empty text."""
    return _script(_EMPTY, field=field)


def address_script(field: str, network: str, *, six: bool) -> Document:
    """A text is an address of the network; of an IPv6 one (`six`), if it is written as IPv6."""
    return _script(_ADDRESS, field=field, network=network, six=six)


def related_script(field: str, other: str, how: str, *, unfolded: Sequence[bool]) -> Document:
    """A text of `field` is, starts, ends with or contains one of `other`; `unfolded` says which keeps its case."""
    maps = {f"{side}_folds": _folds() for side, plain in zip(("field", "other"), unfolded, strict=True) if plain}
    return _script(_RELATED, field=field, other=other, how=how, **maps)


def number_script(field: str, operator: str, number: float) -> Document:
    """A text that spells a number is in that order (lt, lte, gt, gte) to the number."""
    return _script(_COMPARED, field=field, operator=operator, number=str(number))


def time_script(field: str, unit: str, operator: str, number: float) -> Document:
    """That part of a time, in UTC, is in that order to the number."""
    return _script(_TIME, field=field, unit=unit, operator=operator, number=str(number))


def glob_script(field: str, pattern: Sequence[int], *, folded: bool) -> Document:
    """A text fits the pattern of code points (-1: any one, -2: any number of them), its case folded before or not."""
    maps = {"folds": _folds()} if folded else {}
    return _script(_GLOB, field=field, pattern=list(pattern), **maps)


def _script(source: str, **params: object) -> Document:
    script: Mapping[str, object] = {"lang": "painless", "source": source, "params": params}
    return {"script": {"script": script}}


def _folds() -> Document:
    return {str(ord(char)): folded for char, folded in fold_mappings().items()}
