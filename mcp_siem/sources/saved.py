"""What waits to be paired, as plain data of JSON and back, so that a later process can go on with it."""

from dataclasses import asdict, fields
from typing import Any

from mcp_siem.sources.capture import Direction, Place
from mcp_siem.sources.messages import Request, Response
from mcp_siem.sources.pairing import OpenAnswer, OpenRequest

__all__ = ["dump_answer", "dump_request", "load_answer", "load_request"]

_PLACE = tuple(one.name for one in fields(Place))


def dump_request(opened: OpenRequest) -> dict[str, object]:
    """A request that waits for its answer."""
    request = opened.request
    said = {"id": request.id, "method": request.method, "params": request.params, "version": request.version}
    return {**_dumped(opened.place, opened.direction), "cancelled": opened.cancelled, "request": said}


def load_request(dumped: Any) -> OpenRequest:
    """The request again."""
    said = dumped["request"]
    request = Request(id=said["id"], method=str(said["method"]), params=said["params"], version=said["version"])
    place, direction = _loaded(dumped)
    return OpenRequest(place=place, direction=direction, request=request, cancelled=bool(dumped["cancelled"]))


def dump_answer(answer: OpenAnswer) -> dict[str, object]:
    """An answer that came before its request."""
    return {**_dumped(answer.place, answer.direction), "response": asdict(answer.response)}


def load_answer(dumped: Any) -> OpenAnswer:
    """The answer again."""
    place, direction = _loaded(dumped)
    return OpenAnswer(place=place, direction=direction, response=Response(**dumped["response"]))


def _dumped(place: Place, direction: Direction) -> dict[str, object]:
    return {"place": {name: getattr(place, name) for name in _PLACE}, "direction": direction.value}


def _loaded(dumped: Any) -> tuple[Place, Direction]:
    return Place(**dumped["place"]), Direction(dumped["direction"])
