"""A small splunkd on loopback: logins and saved searches in memory, with its defaults, messages and paging."""

import base64
import re
import ssl
from collections.abc import Collection, Mapping, Sequence
from urllib.parse import parse_qsl

from mcp_siem.deploy.loopback import Answer, LoopbackServer, Request
from mcp_siem_backends.splunk.testing.atom import Entry, Paging, feed, messages, session
from mcp_siem_backends.splunk.testing.defaults import BOOLEANS, DEFAULTS, WILDCARDS

__all__ = ["SplunkServer"]

_SEARCHES = ("saved", "searches")
_DEFAULT_COUNT = "30"
_TRUE, _FALSE = frozenset({"1", "true", "t", "yes", "y"}), frozenset({"0", "false", "f", "no", "n", ""})
_CONTROL = frozenset({"name", "output_mode", "count", "offset", "search_mode"})
_DERIVED = frozenset({"qualifiedSearch", "next_scheduled_time"})
_CRON = re.compile(r"[-*/,0-9A-Za-z]+( [-*/,0-9A-Za-z]+){4}")
_CHOICES: Mapping[str, frozenset[str]] = {
    "alert_type": frozenset({"always", "custom", "number of events", "number of hosts", "number of sources"}),
    "alert_comparator": frozenset(
        {"", "greater than", "less than", "equal to", "not equal to", "rises by", "drops by",
         "rises by perc", "drops by perc"}
    ),
    "alert.severity": frozenset("123456"),
}  # fmt: skip
_NAMED = 2
_ENTITY = 3

Place = tuple[str, str, str]
"""Owner, app and name: what makes a saved search one."""


class SplunkServer(LoopbackServer):
    """One splunkd. Credentials are users and bearer tokens; `readers` are tokens that may not write."""

    def __init__(
        self,
        *,
        users: Mapping[str, str] | None = None,
        tokens: Collection[str] = (),
        readers: Collection[str] = (),
        apps: Collection[str] = ("search",),
        tls: ssl.SSLContext | None = None,
    ) -> None:
        super().__init__(tls=tls)
        self._users = dict(users or {})
        self._writers = {f"Bearer {token}" for token in tokens}
        self._writers |= {f"Basic {_base64(f'{name}:{word}')}" for name, word in self._users.items()}
        self._readers = {f"Bearer {token}" for token in readers}
        self._apps = frozenset(apps)
        self.searches: dict[Place, dict[str, str]] = {}

    def answer(self, request: Request) -> Answer:
        """The answer splunkd would give."""
        arguments = {**request.query, **_form(request)}
        form = arguments.get("output_mode", "xml")
        if request.segments == ("services", "auth", "login") and request.method == "POST":
            return self._login(arguments, form)
        refusal = self._refusal(request, form)
        if refusal is not None:
            return refusal
        owner, app, rest = _namespace(request.segments)
        if app not in self._apps | {"-", "system"}:
            return messages(404, "ERROR", f"Application does not exist: {app}", form=form)
        if rest[:_NAMED] != _SEARCHES or len(rest) > _ENTITY:
            return messages(404, "ERROR", "Not Found", form=form)
        if len(rest) == _NAMED:
            return self._collection(request, (owner, app), arguments)
        return self._entity(request, (owner, app, rest[_NAMED]), arguments)

    def held(self, name: str, *, owner: str = "nobody", app: str = "search") -> dict[str, str]:
        """The keys of one saved search, to look at or to edit as an analyst would."""
        return self.searches[(owner, app, name)]

    def add(self, name: str, *, owner: str = "nobody", app: str = "search", **keys: str) -> None:
        """Puts a saved search there that nobody's API call made; `__` in a key stands for a dot."""
        given = {key.replace("__", "."): value for key, value in keys.items()}
        self.searches[(owner, app, name)] = {**DEFAULTS, "search": "index=main", **given}

    def _login(self, arguments: Mapping[str, str], form: str) -> Answer:
        name, word = arguments.get("username", ""), arguments.get("password", "")
        if name not in self._users or self._users[name] != word:
            return messages(401, "WARN", "Login failed", form=form)
        key = _base64(f"session of {name}")
        self._writers.add(f"Splunk {key}")
        return session(key, form=form)

    def _refusal(self, request: Request, form: str) -> Answer | None:
        credential = request.headers.get("authorization", "")
        if credential not in self._writers | self._readers:
            return messages(401, "ERROR", "Unauthorized", form=form)
        if request.method != "GET" and credential not in self._writers:
            return messages(403, "ERROR", "You do not have permission to perform this operation.", form=form)
        return None

    def _collection(self, request: Request, space: tuple[str, str], arguments: Mapping[str, str]) -> Answer:
        form = arguments.get("output_mode", "xml")
        if request.method == "GET":
            return self._listed(request, space, arguments)
        if request.method != "POST":
            return messages(405, "ERROR", "Method Not Allowed", form=form)
        owner, app = space
        name = arguments.get("name", "")
        for needed in ("name", "search"):
            if not arguments.get(needed):
                return messages(400, "ERROR", f"The following required arguments are missing: {needed}.", form=form)
        place = (owner, app, name)
        if place in self.searches:
            says = f"Unable to create saved search with name '{name}'. A saved search with that name already exists."
            return messages(409, "ERROR", says, form=form)
        return self._written(place, {**DEFAULTS}, arguments, origin=self._origin(request), status=201)

    def _entity(self, request: Request, place: Place, arguments: Mapping[str, str]) -> Answer:
        form = arguments.get("output_mode", "xml")
        found = self._resolved(place)
        if found is None:
            says = f"In handler 'savedsearch': Could not find object id={place[_NAMED]}"
            return messages(404, "ERROR", says, form=form)
        if request.method == "GET":
            return self._shown([found], origin=self._origin(request), form=form)
        if request.method == "DELETE":
            del self.searches[found]
            return self._shown([], origin=self._origin(request), form=form)
        if request.method != "POST":
            return messages(405, "ERROR", "Method Not Allowed", form=form)
        if "name" in arguments:
            return messages(400, "ERROR", 'Argument "name" is not supported by this handler.', form=form)
        return self._written(found, self.searches[found], arguments, origin=self._origin(request), status=200)

    def _resolved(self, place: Place) -> Place | None:
        """The object that a namespace shows under a name: the owner's own first, then the app's."""
        owner, app, name = place
        if owner == "-" or app == "-":
            return next(
                (key for key in sorted(self.searches) if _sees((owner, app), key) and key[_NAMED] == name), None
            )
        return next((key for key in (place, ("nobody", app, name)) if key in self.searches), None)

    def _written(
        self, place: Place, base: Mapping[str, str], arguments: Mapping[str, str], *, origin: str, status: int
    ) -> Answer:
        form = arguments.get("output_mode", "xml")
        new = dict(base)
        for key, value in arguments.items():
            if key in _CONTROL:
                continue
            fault = _fault(key, value)
            if fault is not None:
                return messages(400, "ERROR", fault, form=form)
            new[key] = _normalised(key, value)
        if not new.get("search", "").strip():
            return messages(400, "ERROR", "In handler 'savedsearch': Empty search.", form=form)
        if new["is_scheduled"] == "1" and not new["cron_schedule"]:
            return messages(400, "ERROR", "In handler 'savedsearch': Invalid cron_schedule=\"\"", form=form)
        self.searches[place] = new
        return self._shown([place], origin=origin, form=form, status=status)

    def _listed(self, request: Request, space: tuple[str, str], arguments: Mapping[str, str]) -> Answer:
        try:
            count, offset = int(arguments.get("count", _DEFAULT_COUNT)), int(arguments.get("offset", "0"))
        except ValueError:
            says = "Invalid value for argument count or offset"
            return messages(400, "ERROR", says, form=arguments.get("output_mode", "xml"))
        found = [key for key in sorted(self.searches) if _sees(space, key)]
        found = [key for key in found if _matches(arguments.get("search", ""), key, self.searches[key])]
        part = found[offset:] if count <= 0 else found[offset : offset + count]
        paging = Paging(total=len(found), per_page=count, offset=offset)
        entries = [self._entry(key) for key in part]
        return feed(entries, paging, origin=self._origin(request), form=arguments.get("output_mode", "xml"))

    def _shown(self, places: Sequence[Place], *, origin: str, form: str, status: int = 200) -> Answer:
        paging = Paging(total=len(places), per_page=30, offset=0)
        return feed([self._entry(place) for place in places], paging, origin=origin, form=form, status=status)

    def _entry(self, place: Place) -> Entry:
        owner, app, name = place
        content = dict(self.searches[place])
        content["qualifiedSearch"] = f"search  {content['search']}"
        content["next_scheduled_time"] = "2026-01-01 00:05:00 UTC" if content["is_scheduled"] == "1" else ""
        return Entry(name=name, owner=owner, app=app, sharing="app" if owner == "nobody" else "user", content=content)

    def _origin(self, request: Request) -> str:
        return f"{self.url}{request.path}"


def _namespace(segments: tuple[str, ...]) -> tuple[str, str, tuple[str, ...]]:
    if segments[:1] == ("servicesNS",) and len(segments) > _ENTITY:
        return segments[1], segments[2], segments[3:]
    return "nobody", "search", segments[1:]


def _form(request: Request) -> dict[str, str]:
    if request.method != "POST":
        return {}
    return dict(parse_qsl(request.body.decode("utf-8"), keep_blank_values=True))


def _sees(space: tuple[str, str], place: Place) -> bool:
    owner, app = space
    return app in {place[1], "-"} and (owner == "-" or place[0] in {owner, "nobody"})


def _matches(text: str, place: Place, content: Mapping[str, str]) -> bool:
    """The `search` argument: a text that any field holds, or field=value with * as wildcard."""
    if not text:
        return True
    fields = {**content, "name": place[_NAMED]}
    key, equals, value = text.partition("=")
    if equals and key in fields:
        pattern = ".*".join(re.escape(part) for part in value.strip('"').split("*"))
        return re.fullmatch(pattern, fields[key], re.DOTALL | re.IGNORECASE) is not None
    return any(text.strip('"').lower() in value.lower() for value in fields.values())


def _fault(key: str, value: str) -> str | None:
    """Why splunkd refuses an argument, or None."""
    known = (key in DEFAULTS or key == "search" or key.startswith(WILDCARDS)) and key not in _DERIVED
    if not known:
        return f'Argument "{key}" is not supported by this handler.'
    if key in BOOLEANS and value.lower() not in _TRUE | _FALSE:
        return f"In handler 'savedsearch': Invalid value for {key}: not a boolean"
    if key in _CHOICES and value not in _CHOICES[key]:
        return f"In handler 'savedsearch': Invalid value \"{value}\" for {key}"
    if key == "cron_schedule" and value and not _CRON.fullmatch(value):
        return f"In handler 'savedsearch': Invalid cron_schedule=\"{value}\""
    return None


def _normalised(key: str, value: str) -> str:
    if key in BOOLEANS:
        return "1" if value.lower() in _TRUE else "0"
    return value.strip() if key == "search" else value


def _base64(text: str) -> str:
    return base64.b64encode(text.encode("utf-8")).decode("ascii")
