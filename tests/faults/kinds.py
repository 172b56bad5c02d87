"""The 52 ways to fail, one row each: how it is done, what may come of it, and whether a figure may still be shown."""

# pyright: reportUnknownVariableType=false

import asyncio
import gzip
import json
import ssl
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any, cast

from faults import certificates
from faults.proxy import Act, Answer, Line, pass_on, written

UNAVAILABLE = "VenueUnavailable"
INVALID = "AnswerInvalid"
CREDENTIALS = "CredentialsRefused"
LIMITED = "RateLimited"
REFUSED = "RequestRefused"

NO_SUCH_HOST = "no-such-host.invalid"
"""A name that the tests themselves refuse to look up."""
LAST = "Connection: close"
"""The header of an answer after which the proxy hangs up: so that nobody is surprised by that."""
ELSEWHERE = "elsewhere"
"""Stands in a Location for the address of a port that must never be asked."""


@dataclass(frozen=True, slots=True)
class Form:
    """One form of a kind; the address of the port stands before whatever it does."""

    name: str
    act: Act = pass_on
    at_connect: bool = False
    tls: Callable[[], ssl.SSLContext] | None = None
    host: str = "127.0.0.1"
    listens: bool = True


@dataclass(frozen=True, slots=True)
class Kind:
    """One way to fail."""

    code: str
    name: str
    forms: tuple[Form, ...]
    errors: frozenset[str]
    """Names of the errors that may come of it."""
    shows: bool = False
    """Whether an account may be shown although every request meets it: then nothing in it is untrue."""
    changes: bool = False
    """Whether the venue's own figures are spoilt, so that others may rightly follow from them; never a zero."""
    patience: float = 10.0
    """Seconds that a reading may take: short where it can only be waited for."""

    def __str__(self) -> str:
        return f"{self.code} {self.name}"


def _kind(code: str, name: str, *forms: Form | Act, errors: tuple[str, ...], **how: Any) -> Kind:
    named = tuple(form if isinstance(form, Form) else Form(form.__name__, form) for form in forms)
    return Kind(code, name, named, frozenset(errors), **how)


WAITED_FOR = 0.4
"""Seconds, for what ends by its deadline only."""


# On the wire -----------------------------------------------------------------------------------------------------


async def silence(line: Line) -> None:
    await line.stay_silent()


async def reset(line: Line) -> None:
    line.reset()


async def hang_up(_: Line) -> None:
    return


async def reset_in_head(line: Line) -> None:
    await line.send(b"HTTP/1.1 200 OK\r\nContent-Type: applic")
    line.reset()


async def reset_in_body(line: Line) -> None:
    await line.send(await _half(line))
    line.reset()


async def drip_head(line: Line) -> None:
    answer = await _whole(line)
    await line.drip(answer.replace(b"\r\n", b"\r\nX-Padding: " + b"x" * 20_000 + b"\r\n", 1))


async def drip_body(line: Line) -> None:
    head, _, body = (await _whole(line)).partition(b"\r\n\r\n")
    await line.send(head + b"\r\n\r\n")
    await line.drip(body)


async def stall(line: Line) -> None:
    await line.send(await _half(line))
    await line.stay_silent()


async def cut_off(line: Line) -> None:
    """A Content-Length that promises more than comes."""
    await line.send(await _half(line))


async def too_short(line: Line) -> None:
    """A Content-Length that promises less than comes."""
    body = (await line.honest()).body
    await line.send(written("200 OK", body, f"Content-Length: {len(body) // 2}", length=False))


async def cut_chunk(line: Line) -> None:
    body = (await line.honest()).body
    head = written("200 OK", b"", "Transfer-Encoding: chunked", length=False)
    await line.send(head + f"{len(body):x}\r\n".encode() + body[: len(body) // 2])


async def no_last_chunk(line: Line) -> None:
    """Every byte of the body comes, and nothing says that it was the last."""
    body = (await line.honest()).body
    head = written("200 OK", b"", "Transfer-Encoding: chunked", length=False)
    await line.send(head + f"{len(body):x}\r\n".encode() + body + b"\r\n")


def _zipped(change: Callable[[bytes], bytes]) -> Act:
    async def act(line: Line) -> None:
        body = change((await line.honest()).body)
        await line.send(written("200 OK", body, "Content-Encoding: gzip"))

    return act


def _bad_sum(body: bytes) -> bytes:
    zipped = bytearray(gzip.compress(body))
    zipped[-8] ^= 0xFF
    return bytes(zipped)


@cache
def bomb() -> bytes:
    """300 MB of blanks, as 0.29 MB of gzip."""
    squeeze = zlib.compressobj(6, zlib.DEFLATED, 31)
    return b"".join(squeeze.compress(b" " * 1_000_000) for _ in range(300)) + squeeze.flush()


async def zipped_bomb(line: Line) -> None:
    await line.send(written("200 OK", bomb(), "Content-Encoding: gzip"))


async def huge_header(line: Line) -> None:
    body = (await line.honest()).body
    await line.send(written("200 OK", body, "X-Padding: " + "x" * 2_000_000))


def _raw(content: bytes) -> Act:
    async def act(line: Line) -> None:
        await line.send(content)

    return act


async def flood_of_continues(line: Line) -> None:
    while True:
        await line.send(b"HTTP/1.1 100 Continue\r\n\r\n" * 40)
        await asyncio.sleep(0.002)


async def some_continues(line: Line) -> None:
    await line.send(b"HTTP/1.1 100 Continue\r\n\r\n" * 20)
    await pass_on(line)


async def two_answers(line: Line) -> None:
    """The second is one that nobody asked for: it must never be taken for the answer to the next request."""
    await line.send(await _whole(line) + written("200 OK", b'{"success":true,"result":[]}'))
    await line.stay_silent()


WIRE = (
    _kind("W1", "DNS failure", Form("no such host", host=NO_SUCH_HOST), errors=(UNAVAILABLE,)),
    _kind("W2", "refused", Form("nobody listens", listens=False), errors=(UNAVAILABLE,)),
    _kind("W3", "accept, then silence", silence, errors=(UNAVAILABLE,), patience=WAITED_FOR),
    _kind("W4", "TLS, untrusted CA", Form("untrusted", tls=certificates.untrusted), errors=(UNAVAILABLE,)),
    _kind("W5", "TLS, wrong name", Form("wrong name", tls=certificates.wrong_name), errors=(UNAVAILABLE,)),
    _kind(
        "W6",
        "TLS 1.1",
        Form("1.1 only", tls=lambda: certificates.only(ssl.TLSVersion.TLSv1_1)),
        errors=(UNAVAILABLE,),
    ),
    _kind("W7", "RST before the request", Form("reset", reset, at_connect=True), errors=(UNAVAILABLE,)),
    _kind("W8", "RST in the headers", reset_in_head, errors=(UNAVAILABLE,)),
    _kind("W9", "RST in the body", reset_in_body, errors=(UNAVAILABLE,)),
    _kind("W10", "FIN after the request", hang_up, errors=(UNAVAILABLE,)),
    _kind("W11", "headers drip", drip_head, errors=(UNAVAILABLE,), patience=WAITED_FOR),
    _kind("W12", "body drips", drip_body, errors=(UNAVAILABLE,), patience=WAITED_FOR),
    _kind("W13", "stall in the body", stall, errors=(UNAVAILABLE,), patience=WAITED_FOR),
    _kind("W14", "Content-Length untrue", cut_off, too_short, errors=(UNAVAILABLE, INVALID)),
    _kind("W15", "chunks cut", cut_chunk, no_last_chunk, errors=(UNAVAILABLE,)),
    _kind(
        "W16",
        "gzip cut",
        Form("12 bytes short", _zipped(lambda body: gzip.compress(body)[:-12])),
        Form("no trailer", _zipped(lambda body: gzip.compress(body)[:-8])),
        errors=(INVALID,),
    ),
    _kind("W17", "gzip with a bad CRC", Form("bad CRC", _zipped(_bad_sum)), errors=(INVALID,)),
    _kind("W18", "gzip bomb", zipped_bomb, errors=(INVALID,)),
    _kind("W19", "2 MB header", huge_header, errors=(UNAVAILABLE, INVALID)),
    _kind(
        "W20",
        "garbage status line",
        Form("no HTTP", _raw(b"this is no HTTP\r\n\r\n")),
        Form("no number", _raw(b"HTTP/1.1 OK 200\r\nContent-Length: 2\r\n\r\n{}")),
        Form("HTTP/9", _raw(b"HTTP/9.9 200 OK\r\nContent-Length: 2\r\n\r\n{}")),
        Form("bytes", _raw(bytes(range(256)) * 16)),
        errors=(UNAVAILABLE, INVALID),
    ),
    _kind(
        "W21",
        "100-Continue flood",
        flood_of_continues,
        some_continues,
        errors=(UNAVAILABLE,),
        shows=True,
        patience=WAITED_FOR,
    ),
    _kind(
        "W22",
        "two answers on one socket",
        two_answers,
        errors=(UNAVAILABLE, INVALID),
        shows=True,
        patience=WAITED_FOR,
    ),
)


# In HTTP ---------------------------------------------------------------------------------------------------------

PAGE = b"<html><body><h1>Something happened</h1></body></html>"


def _told(status: int, body: bytes = PAGE, *headers: str) -> Form:
    content_type = "Content-Type: text/html" if body.startswith(b"<") else "Content-Type: application/json"
    return Form(
        f"{status} {headers or ''}".strip(), _raw(written(status, body, content_type, *headers, LAST))
    )


def _refused(status: int) -> tuple[Form, ...]:
    return (
        _told(status),
        _told(status, b""),
        _told(status, b"{}"),
        _told(status, b'{"success":false,"error":"it is told so","result":[]}'),
        _told(status, b"[]"),
    )


def _redirects(location: str, tls: Callable[[], ssl.SSLContext] | None = None) -> tuple[Form, ...]:
    def redirect(status: int) -> Form:
        async def act(line: Line) -> None:
            place = location.replace(ELSEWHERE, line.elsewhere)
            await line.send(written(status, b"", f"Location: {place}", LAST))

        return Form(f"{status} to {location}", act, tls=tls)

    return tuple(map(redirect, (301, 302, 307, 308)))


_NO = (INVALID, CREDENTIALS, REFUSED, UNAVAILABLE, LIMITED)

HTTP = (
    _kind("H1", "204 instead of a body", Form("204", _raw(written(204, length=False))), errors=(INVALID,)),
    _kind("H2", "redirected on the same host", *_redirects("/moved"), errors=(INVALID,)),
    _kind("H3", "redirected to another host", *_redirects(ELSEWHERE), errors=(INVALID,)),
    _kind(
        "H4", "redirected from https to http", *_redirects(ELSEWHERE, certificates.good), errors=(INVALID,)
    ),
    _kind("H5", "400", *_refused(400), errors=_NO),
    _kind("H6", "401", *_refused(401), errors=(CREDENTIALS,)),
    _kind("H7", "403", *_refused(403), errors=(CREDENTIALS, REFUSED, LIMITED)),
    _kind("H8", "404", *_refused(404), errors=(REFUSED, INVALID)),
    _kind("H9", "408", *_refused(408), errors=(UNAVAILABLE, REFUSED)),
    _kind("H10", "409", *_refused(409), errors=(REFUSED,)),
    _kind("H11", "429", *_refused(429), errors=(LIMITED,)),
    _kind(
        "H12",
        "429 with Retry-After",
        *[
            _told(429, PAGE, f"Retry-After: {form}")
            for form in (
                "0",
                "0.2",
                "Wed, 21 Oct 2037 07:28:00 GMT",
                "Wed, 21 Oct 2015 07:28:00 GMT",
                "-5",
                "1000000000",
                "1e400",
                "NaN",
                "soon",
                "",
                "0\r\nRetry-After: 9",
            )
        ],
        errors=(LIMITED,),
        patience=4.0,
    ),
    _kind("H13", "500", *_refused(500), errors=(UNAVAILABLE,)),
    _kind("H14", "502, 503, 504", _told(502), _told(503), _told(504), errors=(UNAVAILABLE,)),
    _kind("H15", "520, 522, 530, 599", _told(520), _told(522), _told(530), _told(599), errors=(UNAVAILABLE,)),
    _kind("H16", "299", Form("299", _raw(written(299, b"{}"))), _told(299), errors=(INVALID,)),
)


# In the body -----------------------------------------------------------------------------------------------------


def _body(name: str, change: Callable[[bytes], bytes]) -> Form:
    """The honest answer with its body changed; an honest refusal stays what it is."""

    async def act(line: Line) -> None:
        answer = await line.honest()
        body = change(answer.body) if answer.status == 200 else answer.body
        await line.send(written(answer.status, body, LAST))

    return Form(name, act)


def _always(name: str, body: bytes) -> Form:
    return _body(name, lambda _: body)


def _leaves(value: object, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """The path of every amount: a number, or a text that is one."""
    if isinstance(value, dict):
        for key, inner in cast("dict[str, Any]", value).items():
            yield from _leaves(inner, (*path, key))
    elif isinstance(value, list):
        rows: list[Any] = value
        for number, inner in enumerate(rows):
            yield from _leaves(inner, (*path, number))
    elif not isinstance(value, bool) and _is_amount(path[-1], value):
        yield path


def _is_amount(name: str | int, value: object) -> bool:
    if str(name).lower().endswith("id"):
        return False  # whose digits are none
    try:
        float(str(value))
    except ValueError:
        return False
    return True


def _spoilt(change: Callable[[Any, Any], None]) -> Iterator[Callable[[bytes], bytes]]:
    """The honest answer with one amount spoilt: at four places of it, the last one its very last."""

    def at(part: float) -> Callable[[bytes], bytes]:
        def spoil(body: bytes) -> bytes:
            document = json.loads(body, parse_float=_Number, parse_int=_Number)
            leaves = list(_leaves(document))
            if not leaves:
                return body
            *steps, last = leaves[int(part * (len(leaves) - 1))]
            holder = document
            for step in steps:
                holder = holder[step]
            change(holder, last)
            return _dumped(document)

        return spoil

    for part in (0.0, 0.3, 0.6, 1.0):
        yield at(part)


class _Number(str):
    """A number as it is written, so that it can be written again."""

    __slots__ = ()


class _Verbatim(_Number):
    """What is put in its place, as it is."""

    __slots__ = ()


def _dumped(value: object) -> bytes:
    if isinstance(value, _Number):
        return value.encode()
    if isinstance(value, dict):
        members = cast("dict[str, Any]", value).items()
        return b"{" + b",".join(_dumped(key) + b":" + _dumped(inner) for key, inner in members) + b"}"
    if isinstance(value, list):
        rows: list[Any] = value
        return b"[" + b",".join(map(_dumped, rows)) + b"]"
    return json.dumps(value).encode()


def _put(text: str) -> Callable[[Any, Any], None]:
    def change(holder: Any, key: Any) -> None:
        holder[key] = _Verbatim(text)

    return change


def _drop(holder: Any, key: Any) -> None:
    del holder[key]


def _twice(holder: Any, key: Any) -> None:
    """The key stands twice, with another value: in a list there is no key, so there the row has two."""
    if isinstance(holder, list):
        holder[key] = _Verbatim('{"a":1,"a":2}')
    else:
        holder[key] = _Verbatim(f"{_dumped(holder[key]).decode()},{json.dumps(key)}:0")


def _changes(name: str, change: Callable[[Any, Any], None]) -> tuple[Form, ...]:
    return tuple(_body(f"{name} {number}", spoil) for number, spoil in enumerate(_spoilt(change)))


def _the_other_bracket(body: bytes) -> bytes:
    return b"[]" if body.lstrip().startswith(b"{") else b"{}"


def _in_a_list(body: bytes) -> bytes:
    return b"[" + body + b"]"


def _with_member(text: str) -> Callable[[bytes], bytes]:
    """The honest answer with one more member at its top, or one more row."""

    def change(body: bytes) -> bytes:
        body = body.strip()
        if body.startswith(b"{"):
            return b'{"note":"' + text.encode("latin-1") + b'",' + body[1:]
        return b'["' + text.encode("latin-1") + b'",' + body[1:]

    return change


BODY = (
    _kind("B1", "empty", _always("empty", b""), _always("a blank", b" "), errors=(INVALID,)),
    _kind("B2", "HTML with 200", _always("page", PAGE), errors=(INVALID,)),
    _kind("B3", "null", _always("null", b"null"), errors=(INVALID,)),
    _kind(
        "B4",
        "list for object",
        _body("the other bracket", _the_other_bracket),
        _body("in a list", _in_a_list),
        errors=(INVALID, REFUSED, UNAVAILABLE),
    ),
    _kind(
        "B5",
        "success:false with 200",
        _always("with a reason", b'{"success":false,"error":"it is told so","result":[]}'),
        _always("without", b'{"success":false}'),
        errors=(INVALID, REFUSED),
    ),
    _kind("B6", "key missing", *_changes("dropped", _drop), errors=(INVALID,), shows=True, changes=True),
    _kind(
        "B7",
        "null in a required field",
        *_changes("null", _put("null")),
        errors=(INVALID,),
        shows=True,
        changes=True,
    ),
    _kind(
        "B8",
        "wrong type",
        *_changes("object", _put("{}")),
        *_changes("true", _put("true")),
        *_changes("text", _put('""')),
        errors=(INVALID,),
        shows=True,
        changes=True,
    ),
    _kind(
        "B9",
        "NaN and Infinity",
        *_changes("NaN", _put("NaN")),
        *_changes("text NaN", _put('"NaN"')),
        *_changes("-Infinity", _put("-Infinity")),
        errors=(INVALID,),
    ),
    _kind(
        "B10",
        "monstrous numbers",
        *_changes("exponent", _put("1e999999")),
        *_changes("text exponent", _put('"1e999999"')),
        *_changes("digits", _put("9" * 1_000_000)),
        errors=(INVALID,),
    ),
    _kind(
        "B11",
        "nested 100,000 deep",
        _always("lists", b"[" * 100_000),
        _always("closed lists", b"[" * 100_000 + b"]" * 100_000),
        _always("objects", b'{"result":' * 100_000 + b"0" + b"}" * 100_000),
        errors=(INVALID,),
    ),
    _kind("B12", "keys twice", *_changes("twice", _twice), errors=(INVALID,)),
    _kind(
        "B13",
        "other encodings",
        _body("BOM", lambda body: b"\xef\xbb\xbf" + body),
        _body("UTF-16", lambda body: body.decode().encode("utf-16")),
        _body("latin-1", _with_member("caf\xe9")),
        _body("lone surrogate", _with_member("\\ud800")),
        errors=(INVALID,),
        shows=True,
    ),
    _kind(
        "B14",
        "a million elements",
        _always("zeros", b"[" + b"0," * 999_999 + b"0]"),
        _body("beside the rest", lambda body: body[:-1] + b',"more":[' + b"0," * 999_999 + b"0]}"),
        errors=(INVALID,),
    ),
)

KINDS = WIRE + HTTP + BODY


async def _whole(line: Line) -> bytes:
    answer: Answer = await line.honest()
    return written(answer.status, answer.body)


async def _half(line: Line) -> bytes:
    """The honest answer up to the middle of its body."""
    answer = await line.honest()
    whole = written(answer.status, answer.body)
    return whole[: len(whole) - len(answer.body) // 2 - 1]
