"""What was asked and what came back during a read, kept as it came so that it can be read again.

Of a request its operation, method, path and query are kept, and nothing of its headers or body: that is where
credentials and signatures are. Of an answer everything is kept that has a meaning for the view.
"""

import asyncio
import base64
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Annotated, Literal, Protocol, final

import msgspec

from accountview import plan
from accountview.network.connections import AsyncSlots
from accountview.network.sending import Answer, AsyncSender, Attempt, Endpoint, NoAnswer, Outgoing
from accountview.network.transport import AsyncTransport
from accountview.secret import Secret
from accountview.wire import Malformed

KEPT_HEADERS = ("content-type", "date", "retry-after", "request-id", "x-request-id", "x-correlation-id")
"""The headers of an answer that are kept: what it is, when it was made, and what the venue can find it by."""

SHORTEST_SECRET = 8
"""A credential of fewer characters is not looked for: it would strike out figures, and no venue has such a one."""
SHORTEST_SIGNATURE = 20
"""The same for what a signed header holds, where words such as `Bearer` stand as well."""

Moment = Annotated[datetime, msgspec.Meta(tz=True)]


class Kept(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An answer as it came: as text when it is UTF-8, else as base64."""

    status: Annotated[int, msgspec.Meta(ge=100, le=999)]
    headers: dict[str, str] = {}
    text: str | None = None
    base64: str | None = None
    struck: bool = False
    """It held a credential or a signature: "…" stands there now, so these are not quite the venue's bytes."""

    def __post_init__(self) -> None:
        if (self.text is None) == (self.base64 is None):
            raise ValueError("an answer has either text or base64")
        base64.b64decode(self.base64 or "", validate=True)

    @property
    def content(self) -> bytes:
        """The bytes of the body."""
        return base64.b64decode(self.base64 or "") if self.text is None else self.text.encode()


class Lost(msgspec.Struct, frozen=True, kw_only=True):
    """Why a request brought no answer that can be read."""

    kind: Literal["no_answer", "malformed", "given_up"]
    """`given_up`: not waited for any longer, because what was asked beside it failed or the reader had to stop."""
    problem: str


class Exchange(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One request and its fate: an answer, or why there is none."""

    operation: str
    method: str
    path: str
    query: tuple[tuple[str, str], ...] = ()
    requested_at: Moment
    ended_at: Moment
    """When the last byte had arrived, or when it was known that nothing would."""
    attempt: Annotated[int, msgspec.Meta(ge=1)] = 1
    """The number of this attempt at the request: of several, the last one is what became of it."""
    answer: Kept | None = None
    lost: Lost | None = None

    def __post_init__(self) -> None:
        if (self.answer is None) == (self.lost is None):
            raise ValueError("a request has either an answer or a reason why it has none")

    def asks(self, request: plan.Request) -> bool:
        """Whether this is the same request; bodies are not kept and so not compared."""
        operation = request.operation
        asked = (operation.name, operation.method, request.path, tuple(request.query))
        return asked == (self.operation, self.method, self.path, self.query)


# Taking it down --------------------------------------------------------------------------------------------------


class RecordingSender(AsyncSender, Protocol):
    """Something that a client asks, and that can tell afterwards what was asked and answered."""

    @property
    def exchanges(self) -> tuple[Exchange, ...]:
        """What was asked, in the order in which it was asked. It may hold what `secrets` are."""
        ...

    @property
    def secrets(self) -> tuple[Secret, ...]:
        """What must be struck out of `exchanges` before anyone sees them."""
        ...


@final
class Recorder:
    """Asks an endpoint as `AsyncTransport` does, and keeps what comes back."""

    def __init__(self, endpoint: Endpoint, slots: AsyncSlots | None = None) -> None:
        """`slots` are connections that are shared with others."""
        self._endpoint = endpoint
        self._exchanges: list[Exchange] = []
        self._signatures: list[Secret] = []
        self._transport: AsyncSender = AsyncTransport(replace(endpoint, sign=self._sign), slots)

    @property
    def exchanges(self) -> tuple[Exchange, ...]:
        """See `RecordingSender`."""
        return tuple(sorted(self._exchanges, key=lambda exchange: exchange.requested_at))

    @property
    def secrets(self) -> tuple[Secret, ...]:
        """The credentials, and the signatures that were made with them."""
        return (*self._endpoint.secrets, *self._signatures)

    async def send(self, attempt: Attempt) -> Answer:
        """See `AsyncSender`."""
        requested_at = datetime.now(UTC)
        try:
            answer = await self._transport.send(attempt)
        except NoAnswer as error:
            self._lose(attempt, requested_at, Lost(kind="no_answer", problem=str(error)))
            raise
        except Malformed as error:
            self._lose(attempt, requested_at, Lost(kind="malformed", problem=str(error)))
            raise
        except asyncio.CancelledError:
            self._lose(attempt, requested_at, Lost(kind="given_up", problem="not waited for any longer"))
            raise
        self._keep(attempt, answer.requested_at, answer.received_at, _kept(answer), None)
        return answer

    async def close(self) -> None:
        """See `AsyncSender`."""
        await self._transport.close()

    def _lose(self, attempt: Attempt, requested_at: datetime, lost: Lost) -> None:
        self._keep(attempt, requested_at, datetime.now(UTC), None, lost)

    def _keep(
        self,
        attempt: Attempt,
        requested_at: datetime,
        ended_at: datetime,
        answer: Kept | None,
        lost: Lost | None,
    ) -> None:
        request = attempt.request
        self._exchanges.append(
            Exchange(
                operation=request.operation.name,
                method=request.operation.method,
                path=request.path,
                query=tuple(request.query),
                requested_at=requested_at,
                ended_at=ended_at,
                attempt=attempt.number,
                answer=answer,
                lost=lost,
            )
        )

    def _sign(self, outgoing: Outgoing) -> Mapping[str, str]:
        headers = self._endpoint.sign(outgoing)
        for name, value in headers.items():
            # By name, for not all of them is secret: an address or a time may rightly stand in the answer.
            if re.search("sign|authorization|token", name, re.IGNORECASE):
                words = [word for word in value.split() if len(word) >= SHORTEST_SIGNATURE]
                self._signatures += map(Secret, words)
        return headers


def _kept(answer: Answer) -> Kept:
    headers = {name: answer.headers[name] for name in KEPT_HEADERS if name in answer.headers}
    return _with_content(Kept(status=answer.status, headers=headers, text=""), answer.content)


def _with_content(kept: Kept, content: bytes) -> Kept:
    try:
        text, encoded = content.decode(), None
    except UnicodeDecodeError:
        text, encoded = None, base64.b64encode(content).decode()
    return msgspec.structs.replace(kept, text=text, base64=encoded)


# Striking out what is secret -------------------------------------------------------------------------------------


def without_secrets(kept: Kept, secrets: Iterable[Secret]) -> Kept:
    """The answer with "…" for each of the secrets in its body; what is not UTF-8 comes through unharmed."""
    before = kept.content.decode(errors="surrogateescape")
    after = strike(before, secrets)
    if after == before:
        return kept
    return msgspec.structs.replace(_with_content(kept, after.encode(errors="surrogateescape")), struck=True)


_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"', re.DOTALL)


def strike(text: str, secrets: Iterable[Secret]) -> str:
    """The text with "…" for each of the secrets, also where JSON escapes hide one."""
    secrets = tuple(secrets)
    text = _strike(text, secrets)
    return _TOKEN.sub(lambda token: _strike_token(token[0], secrets), text) if "\\" in text else text


def _strike(text: str, secrets: tuple[Secret, ...]) -> str:
    for secret in secrets:
        text = secret.strike(text, shortest=SHORTEST_SECRET)
    return text


def _strike_token(token: str, secrets: tuple[Secret, ...]) -> str:
    try:
        said: str = json.loads(token, strict=False)
    except ValueError:
        return token
    struck = _strike(said, secrets)
    return token if struck == said else json.dumps(struck, ensure_ascii=False)
