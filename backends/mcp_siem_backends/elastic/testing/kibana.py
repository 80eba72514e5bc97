"""A small Kibana on loopback: Detection Engine rules in memory, its defaults, its errors, its paging."""

import base64
import copy
import json
import ssl
import uuid
from collections.abc import Callable, Collection, Mapping
from datetime import UTC, datetime, timedelta

from jsonschema import Draft202012Validator

from mcp_siem.deploy.loopback import Answer, LoopbackServer, Request
from mcp_siem_backends.elastic.testing.kql import KqlError, parse_kql
from mcp_siem_backends.elastic.testing.schemas import CREATE, REPLACE

__all__ = ["KibanaServer"]

_API_VERSION = "2023-10-31"
_WINDOW = 10_000
_DEFAULT_PAGE = "20"
_RULES = ("api", "detection_engine", "rules")
_SORTABLE = frozenset(
    {"created_at", "createdAt", "updated_at", "updatedAt", "name", "enabled", "risk_score", "severity"}
)
_DEFAULTS: Mapping[str, object] = {
    "enabled": True, "interval": "5m", "from": "now-6m", "to": "now", "max_signals": 100, "version": 1,
    "tags": [], "author": [], "false_positives": [], "references": [], "related_integrations": [],
    "required_fields": [], "risk_score_mapping": [], "severity_mapping": [], "threat": [], "exceptions_list": [],
    "actions": [], "setup": "", "output_index": "",
}  # fmt: skip
_KEPT = frozenset({"id", "rule_id", "immutable", "rule_source", "created_at", "created_by", "revision"})
"""What a replacement cannot change."""


class KibanaServer(LoopbackServer):
    """One Kibana with spaces. Credentials are API keys (as sent, encoded) and users; `readers` may not write."""

    def __init__(
        self,
        *,
        api_keys: Collection[str] = (),
        users: Mapping[str, str] | None = None,
        readers: Collection[str] = (),
        spaces: Collection[str] = ("default",),
        tls: ssl.SSLContext | None = None,
    ) -> None:
        super().__init__(tls=tls)
        basic = {f"{name}:{password}" for name, password in (users or {}).items()}
        self._writers = {f"ApiKey {key}" for key in api_keys} | {f"Basic {_base64(pair)}" for pair in basic}
        self._readers = {f"ApiKey {key}" for key in readers}
        self.spaces: dict[str, dict[str, dict[str, object]]] = {space: {} for space in spaces}
        self._ticks = 0

    def answer(self, request: Request) -> Answer:
        """The answer Kibana would give."""
        space, path = _split_space(request.segments)
        refusal = self._refusal(request, space)
        if refusal is not None:
            return refusal
        rules = self.spaces[space]
        if path == (*_RULES, "_find") and request.method == "GET":
            return _find(rules, request.query)
        if path == _RULES and request.method in _CALLS:
            return _CALLS[request.method](self, rules, request)
        return _platform_error(404, "Not Found", "Not Found")

    def rule(self, rule_id: str, space: str = "default") -> dict[str, object] | None:
        """The rule as held, to look at or to edit as an analyst would."""
        return next((rule for rule in self.spaces[space].values() if rule["rule_id"] == rule_id), None)

    def now(self) -> str:
        """A time that moves with each write and not with the clock."""
        self._ticks += 1
        moment = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=self._ticks)
        return moment.strftime("%Y-%m-%dT%H:%M:%S.000Z")

    def _refusal(self, request: Request, space: str) -> Answer | None:
        credential = request.headers.get("authorization", "")
        if credential not in self._writers | self._readers:
            says = "missing authentication credentials" if not credential else "unable to authenticate"
            return _platform_error(401, "Unauthorized", f"[security_exception]: {says} for REST request")
        writes = request.method != "GET"
        if writes and "kbn-xsrf" not in request.headers:
            return _platform_error(400, "Bad Request", "Request must contain a kbn-xsrf header.")
        version = request.headers.get("elastic-api-version", _API_VERSION)
        if version != _API_VERSION:
            says = f"No version {version!r} available for [{request.method.lower()}] [{request.path}]. Available versions are: {_API_VERSION}"
            return _platform_error(400, "Bad Request", says)
        if space not in self.spaces:
            return _platform_error(404, "Not Found", f"Saved object [space/{space}] not found")
        if writes and credential not in self._writers:
            says = f"API [{request.method} {request.path}] is unauthorized for user, this action is granted by the Kibana privileges [rules-all]"
            return _platform_error(403, "Forbidden", says)
        return None

    def create(self, rules: dict[str, dict[str, object]], request: Request) -> Answer:
        """POST: a new rule."""
        body = _body(request, CREATE)
        if isinstance(body, Answer):
            return body
        rule_id = body.get("rule_id", str(uuid.uuid4()))
        if _found(rules, {"rule_id": str(rule_id)}) is not None:
            return _siem_error(409, f'rule_id: "{rule_id}" already exists')
        now = self.now()
        rule = {
            **_filled(body),
            "id": str(uuid.uuid4()), "rule_id": rule_id, "revision": 0, "immutable": False,
            "rule_source": {"type": "internal"},
            "created_at": now, "created_by": "tester", "updated_at": now, "updated_by": "tester",
        }  # fmt: skip
        rules[str(rule["id"])] = rule
        return _json(200, rule)

    def replace(self, rules: dict[str, dict[str, object]], request: Request) -> Answer:
        """PUT: the whole rule; what is not named falls back to its default."""
        body = _body(request, REPLACE)
        if isinstance(body, Answer):
            return body
        rule = _addressed(rules, body)
        if isinstance(rule, Answer):
            return rule
        if body["type"] != rule["type"]:
            return _siem_error(400, "the type of a rule cannot be changed")
        body.setdefault("version", rule["version"])
        return self._written(rule, {**{key: rule[key] for key in _KEPT}, **_filled(body, kept=_KEPT)})

    def patch(self, rules: dict[str, dict[str, object]], request: Request) -> Answer:
        """PATCH: the fields named."""
        body = _body(request, {**REPLACE, "required": []})
        if isinstance(body, Answer):
            return body
        rule = _addressed(rules, body)
        if isinstance(rule, Answer):
            return rule
        return self._written(rule, {**rule, **{key: value for key, value in body.items() if key not in _KEPT}})

    def read(self, rules: dict[str, dict[str, object]], request: Request) -> Answer:
        """GET: one rule."""
        rule = _addressed(rules, request.query)
        return rule if isinstance(rule, Answer) else _json(200, rule)

    def remove(self, rules: dict[str, dict[str, object]], request: Request) -> Answer:
        """DELETE: one rule."""
        rule = _addressed(rules, request.query)
        if isinstance(rule, Answer):
            return rule
        del rules[str(rule["id"])]
        return _json(200, rule)

    def _written(self, rule: dict[str, object], new: dict[str, object]) -> Answer:
        """Replaces a rule in place; its revision counts changes of anything but `enabled`."""
        stamps = {"updated_at", "updated_by", "revision", "enabled"}
        before = {key: value for key, value in rule.items() if key not in stamps}
        after = {key: value for key, value in new.items() if key not in stamps}
        revision = rule["revision"] if isinstance(rule["revision"], int) else 0
        new.update(updated_at=self.now(), updated_by="tester", revision=revision + (before != after))
        rule.clear()
        rule.update(new)
        return _json(200, rule)


_CALLS: Mapping[str, Callable[[KibanaServer, dict[str, dict[str, object]], Request], Answer]] = {
    "GET": KibanaServer.read,
    "POST": KibanaServer.create,
    "PUT": KibanaServer.replace,
    "PATCH": KibanaServer.patch,
    "DELETE": KibanaServer.remove,
}


def _split_space(segments: tuple[str, ...]) -> tuple[str, tuple[str, ...]]:
    if len(segments) > 1 and segments[0] == "s":
        return segments[1], segments[2:]
    return "default", segments


def _body(request: Request, schema: Mapping[str, object]) -> dict[str, object] | Answer:
    """The request's body with unknown keys dropped, as Kibana drops them, or the refusal."""
    if not request.headers.get("content-type", "").startswith("application/json"):
        return _platform_error(415, "Unsupported Media Type", "Unsupported Media Type")
    try:
        body = json.loads(request.body)
    except ValueError as error:
        return _platform_error(400, "Bad Request", f"Invalid request payload JSON format: {error}")
    fault = next(iter(Draft202012Validator(schema).iter_errors(body)), None)
    if fault is not None:
        where = ".".join(str(part) for part in fault.absolute_path)
        return _platform_error(400, "Bad Request", f"[request body]: {where}: {fault.message}")
    known = schema["properties"]
    return {key: value for key, value in body.items() if isinstance(known, Mapping) and key in known}


def _filled(body: Mapping[str, object], kept: Collection[str] = ()) -> dict[str, object]:
    language = {"language": "kuery", "query": ""} if body.get("type") == "query" else {}
    filled = {**copy.deepcopy(dict(_DEFAULTS)), **language, **body}
    return {key: value for key, value in filled.items() if key not in kept}


def _addressed(rules: dict[str, dict[str, object]], names: Mapping[str, object]) -> dict[str, object] | Answer:
    if "id" in names and "rule_id" in names:
        return _siem_error(400, ['both "id" and "rule_id" cannot exist, choose one or the other'])
    if "id" not in names and "rule_id" not in names:
        return _siem_error(400, ['either "id" or "rule_id" must be set'])
    key = "id" if "id" in names else "rule_id"
    rule = _found(rules, {key: str(names[key])})
    return _siem_error(404, f'{key}: "{names[key]}" not found') if rule is None else rule


def _found(rules: Mapping[str, dict[str, object]], names: Mapping[str, str]) -> dict[str, object] | None:
    return next((rule for rule in rules.values() if all(rule[key] == value for key, value in names.items())), None)


def _find(rules: Mapping[str, dict[str, object]], query: Mapping[str, str]) -> Answer:
    if ("sort_field" in query) != ("sort_order" in query):
        return _siem_error(400, ['when "sort_order" and "sort_field" must exist together or not at all'])
    sort_field = query.get("sort_field", "created_at")
    try:
        page, size = int(query.get("page", "1")), int(query.get("per_page", _DEFAULT_PAGE))
        test = parse_kql(query["filter"]) if query.get("filter") else lambda _: True
    except (KqlError, ValueError) as error:
        return _siem_error(400, f"KQLSyntaxError: {error}")
    if page < 1 or size < 0 or sort_field not in _SORTABLE:
        return _platform_error(400, "Bad Request", "[request query]: page, per_page or sort_field is not valid")
    if page * size > _WINDOW:
        return _siem_error(400, f"Result window is too large, from + size must be less than or equal to: [{_WINDOW}]")
    found = [rule for rule in rules.values() if test(_attributes(rule))]
    found.sort(key=lambda rule: str(rule.get(sort_field)), reverse=query.get("sort_order") == "desc")
    data = found[(page - 1) * size : page * size]
    return _json(200, {"page": page, "perPage": size, "total": len(found), "data": data})


def _attributes(rule: Mapping[str, object]) -> dict[str, object]:
    prefix = "alert.attributes"
    names = {"tags": "tags", "name": "name", "enabled": "enabled", "rule_id": "params.ruleId", "type": "params.type",
             "immutable": "params.immutable", "severity": "params.severity"}  # fmt: skip
    return {f"{prefix}.{name}": rule[key] for key, name in names.items()}


def _json(status: int, document: object) -> Answer:
    return Answer(
        status=status,
        body=json.dumps(document).encode(),
        content_type="application/json; charset=utf-8",
        headers={"kbn-name": "kibana-test", "kbn-license-sig": "test"},
    )


def _siem_error(status: int, message: str | list[str]) -> Answer:
    return _json(status, {"message": message, "status_code": status})


def _platform_error(status: int, error: str, message: str) -> Answer:
    return _json(status, {"statusCode": status, "error": error, "message": message})


def _base64(text: str) -> str:
    return base64.b64encode(text.encode("utf-8")).decode("ascii")
