"""The ASGI application: every venue under its own prefix, routed by its installed spec."""

import importlib
import importlib.util
import re
import time
from collections.abc import Mapping
from dataclasses import replace
from urllib.parse import unquote

from starlette.applications import Starlette
from starlette.requests import Request as HttpRequest
from starlette.responses import Response
from starlette.routing import Mount
from starlette.types import ASGIApp, Receive, Scope, Send

from accountview import spec
from accountview.sandbox.dialect import Answer, Clock, Dialect, Request
from accountview.sandbox.faults import Faults
from accountview.sandbox.schema import operations, zeroed
from accountview_clients import VENUES


def load_dialects(clock: Clock = time.time_ns) -> dict[str, Dialect]:
    """A fresh dialect for every venue that has one, by venue: found by name, so no list is kept."""
    found: dict[str, Dialect] = {}
    for venue in VENUES:
        name = f"accountview.sandbox.dialects.{venue}"
        if importlib.util.find_spec(name) is not None:
            found[venue] = importlib.import_module(name).dialect(clock)
    return found


def application(dialects: Mapping[str, Dialect], faults: Faults | None = None) -> Starlette:
    """All venues as one application: a venue's base URL is the server's with `/<venue>` behind it."""
    faults = faults or Faults()
    return Starlette(
        routes=[Mount(f"/{venue}", app=_venue(venue, dialect, faults)) for venue, dialect in dialects.items()]
    )


def _venue(venue: str, dialect: Dialect, faults: Faults) -> ASGIApp:
    routes: dict[str, dict[str, str]] = {}
    for operation in operations(spec.load(venue)):
        routes.setdefault(operation.path, {})[operation.method] = operation.name
    patterns = [(_pattern(path), methods) for path, methods in routes.items()]

    async def answer_request(request: HttpRequest) -> Answer:
        path = _path(request, venue)
        found = next(
            ((match, methods) for pattern, methods in patterns if (match := pattern.fullmatch(path))), None
        )
        if found is None:
            return dialect.refuse(404, "not found")
        match, methods = found
        if request.method not in methods:
            refused = dialect.refuse(405, "method not allowed")
            return Answer(refused.status, refused.content, {**refused.headers, "allow": ", ".join(methods)})
        operation = methods[request.method]
        content = await request.body()
        fault = faults.take(venue, operation)
        if fault is not None:
            await faults.wait(fault)
            if fault.status is not None:
                return Answer(fault.status, fault.body, fault.headers)
        parameters = {name: unquote(value) for name, value in match.groupdict().items()}
        answer = dialect.handlers[operation](
            Request(request.method, path, parameters, request.url.query, request.headers, content)
        )
        if fault is not None and fault.zeros:
            content = zeroed(spec.load(venue), operation, answer.status, answer.content)
            return replace(answer, content=content)
        return answer

    async def serve(scope: Scope, receive: Receive, send: Send) -> None:
        answer = await answer_request(HttpRequest(scope, receive))
        await Response(answer.content, answer.status, answer.headers)(scope, receive, send)

    return serve


def _pattern(template: str) -> re.Pattern[str]:
    parts = re.split(r"\{(\w+)\}", template)
    return re.compile(
        "".join(f"(?P<{part}>[^/]+)" if number % 2 else re.escape(part) for number, part in enumerate(parts))
    )


def _path(request: HttpRequest, venue: str) -> str:
    # The raw path, for a signature covers the path as it was sent.
    raw: bytes = request.scope.get("raw_path") or request.scope["path"].encode()
    return raw.decode("latin-1").removeprefix(f"/{venue}")
