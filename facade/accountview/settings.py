"""What the client of every venue can be told, and where a venue is asked."""

import re
from collections.abc import Callable
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from typing import TypedDict
from urllib.parse import urlsplit

from accountview import spec
from accountview.drift import Drift, Mode
from accountview.errors import UsageError

DEFAULT_TIMEOUT = 10.0
"""Seconds that a reading may take."""


class Settings(TypedDict, total=False):
    """What the client of every venue can be told, beside the venue's own options."""

    base_url: str
    """Another address than the documented one; plain http only to loopback."""
    timeout: float
    """Seconds that a reading may take in all: waiting for the venue's rate limit, retries and the last byte included.
    `DEFAULT_TIMEOUT` unless told."""
    trust_env: bool
    """Whether the environment may name a proxy (HTTPS_PROXY, ALL_PROXY, NO_PROXY) and certificate authorities
    (SSL_CERT_FILE, SSL_CERT_DIR). Not unless told."""
    drift: Mode
    """Which answers are held against the venue's spec: `off` none, `always` all; `sample`, unless told, the first of
    each operation, then one in 1000. Unless `off`, amounts under unknown keys are looked for in all."""
    on_drift: Callable[[Drift], None]
    """Called with each drift that is found, in the thread or event loop of the read; what it raises is only logged."""


def address(venue: str, base_url: str | None, network: str) -> str:
    """Where a venue is asked: `base_url`, else the documented host of the network. Raises UsageError."""
    described = spec.load(venue)
    servers = {server.network: server.url for server in reversed(described.servers)}
    if base_url is not None:
        usable = _usable(venue, base_url)
        if described.lifecycle.state == "dead" and _host(usable) in map(_host, servers.values()):
            raise _closed(venue)
        return usable
    if described.lifecycle.state == "dead":
        raise _closed(venue)
    if not servers:
        raise UsageError(f"{venue}: no server is documented; give base_url")
    if network not in servers:
        raise UsageError(f"{venue}: network is {network!r}; there are {', '.join(sorted(servers))}")
    return servers[network]


def _host(url: str) -> str | None:
    return urlsplit(url).hostname


def _closed(venue: str) -> UsageError:
    # Whoever holds the name of a closed venue today must not be sent a key, so a base_url to it is refused as well.
    note = spec.load(venue).lifecycle.note.rstrip(".")
    return UsageError(
        f"{venue}: the venue has closed ({note}), so its own hosts are not asked; replay a snapshot of it that was "
        "saved (accountview.replay), use the sandbox (accountview.sandbox), or give the base_url of something else"
    )


_ADDRESS = re.compile(
    r"([a-z]+)://(?P<host>[^/?#@\\\s]+?)(?::(?P<port>[0-9]{1,5}))?(?P<path>(?:/[A-Za-z0-9._~-]+)*)/?"
)
_NAME = re.compile(
    r"(?=.{1,253}\Z)(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?\.)*[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?"
)
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")
_LOOPBACK = (IPv4Network("127.0.0.0/8"), IPv6Network("::1/128"))
_IPV4_WITHIN_IPV6 = [
    IPv6Network(each) for each in ("::/96", "::ffff:0:0/96", "64:ff9b::/96", "2001::/32", "2002::/16")
]


def _usable(venue: str, base_url: str) -> str:
    """The address without a slash at its end. Raises UsageError, without the address: it may hold a password.

    It must mean the same to every program that reads it: so it has one plain form, and a host that is a number is one
    in the usual writing. A credential is never sent to an address that only the own network segment or nobody has.
    """
    # Matched whole and by itself: urlsplit silently drops tabs and line ends.
    parts = _ADDRESS.fullmatch(base_url) if isinstance(base_url, str) else None  # pyright: ignore[reportUnnecessaryIsInstance] # a caller need not be typed
    if parts is None or not _is_port(parts["port"]) or {".", ".."} & set(parts["path"].split("/")):
        raise UsageError(
            f"{venue}: base_url must be https://host[:port][/path] without user, query or fragment"
        )
    host = parts["host"].lower()
    number = _ip_address(host)
    if number is None and (not _NAME.fullmatch(host) or _NUMBER.fullmatch(host.rpartition(".")[2])):
        raise UsageError(
            f"{venue}: the host of base_url is neither a name in ASCII nor an IP address as usually written"
        )
    if number is not None and not _can_be_a_venue(number):
        raise UsageError(f"{venue}: the host of base_url is an IP address that no venue can have")
    loopback = host == "localhost" or (number is not None and _is_loopback(number))
    if parts[1] != "https" and not (parts[1] == "http" and loopback):
        raise UsageError(
            f"{venue}: base_url must start with https:// (plain http only to a loopback address)"
        )
    return base_url.rstrip("/")


def _is_port(text: str | None) -> bool:
    return text is None or 0 < int(text) <= 65535


def _ip_address(host: str) -> IPv4Address | IPv6Address | None:
    try:
        if host.startswith("[") and host.endswith("]"):
            return IPv6Address(host[1:-1])
        return IPv4Address(host)
    except ValueError:
        return None


def _is_loopback(number: IPv4Address | IPv6Address) -> bool:
    # `is_loopback` says so of 127.0.0.1 within IPv6 too, since Python 3.13.
    return any(number in each for each in _LOOPBACK)


def _can_be_a_venue(number: IPv4Address | IPv6Address) -> bool:
    """Not that of everybody, nobody, or a neighbour on the wire, where cloud machines keep their own credentials."""
    if isinstance(number, IPv6Address):
        if number.scope_id is not None:
            return False
        if _is_loopback(number):
            return True
        if any(number in each for each in _IPV4_WITHIN_IPV6):
            return False
    return not (number.is_link_local or number.is_unspecified or number.is_multicast or number.is_reserved)
