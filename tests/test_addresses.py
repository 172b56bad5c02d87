"""Where a client may be sent: https, or plain http on this machine, in a form that every program reads alike."""

from typing import Any

import msgspec
import pytest

import accountview as av
from accountview import spec

CREDENTIALS: dict[str, Any] = {"api_key": "demo-key", "api_secret": "00ff"}

REFUSED = {
    # Not an address, or not all of it.
    "empty": "",
    "blank": " ",
    "no scheme": "api.example.com",
    "scheme only": "https://",
    "no host": "https:///path",
    "port without a host": "https://:443",
    "two schemes": "https://https://api.example.com",
    "one slash": "https:/api.example.com",
    "scheme in capitals": "HTTPS://api.example.com",
    # Another scheme, or plain text over the network.
    "ftp": "ftp://127.0.0.1",
    "file": "file:///etc/passwd",
    "javascript": "javascript://127.0.0.1/x",
    "http elsewhere": "http://api.example.com",
    "http, looks like loopback": "http://127.0.0.1.example.com",
    "http, below localhost": "http://evil.localhost",
    "http, private": "http://10.0.0.5",
    "http, IPv6 elsewhere": "http://[2606:4700::1111]",
    # More than an address.
    "user": "https://user@api.example.com",
    "user and password": "https://user:password@api.example.com",
    "empty user": "https://@api.example.com",
    "host as user": "https://api.example.com@evil.example",
    "query": "https://api.example.com/?a=b",
    "empty query": "https://api.example.com?",
    "fragment": "https://api.example.com/#x",
    "empty fragment": "https://api.example.com#",
    # Ports.
    "port 0": "https://api.example.com:0",
    "port 65536": "https://api.example.com:65536",
    "port with a sign": "https://api.example.com:-1",
    "port in letters": "https://api.example.com:https",
    "port in other digits": "https://api.example.com:４４３",
    "empty port": "https://api.example.com:",
    "two ports": "https://api.example.com:443:443",
    # Addresses of nobody, of everybody, and of the machine's own keeper.
    "link-local": "https://169.254.169.254",
    "link-local with a path": "https://169.254.169.254/latest/meta-data",
    "unspecified": "https://0.0.0.0",
    "http, unspecified": "http://0.0.0.0",
    "broadcast": "https://255.255.255.255",
    "multicast": "https://224.0.0.1",
    "IPv6 link-local": "https://[fe80::1]",
    "IPv6 link-local with a zone": "https://[fe80::1%25eth0]",
    "IPv6 loopback with a zone": "https://[::1%25lo]",
    "IPv6 unspecified": "https://[::]",
    "IPv6 multicast": "https://[ff02::1]",
    "IPv4 in IPv6": "https://[::ffff:169.254.169.254]",
    "IPv4 in IPv6, loopback": "http://[::ffff:127.0.0.1]",
    "IPv4 in IPv6, old": "https://[::169.254.169.254]",
    "IPv4 behind NAT64": "https://[64:ff9b::a9fe:a9fe]",
    "IPv4 behind 6to4": "https://[2002:a9fe:a9fe::]",
    "IPv6 without brackets": "https://::1",
    "IPv6 not closed": "https://[::1",
    "no IPv6": "https://[::g]",
    # The same in writings that programs read differently.
    "decimal": "https://2852039166",
    "http, decimal loopback": "http://2130706433",
    "hexadecimal": "https://0xa9fea9fe",
    "hexadecimal parts": "https://0xa9.0xfe.0xa9.0xfe",
    "octal": "https://0251.0376.0251.0376",
    "http, octal loopback": "http://0177.0.0.1",
    "http, short loopback": "http://127.1",
    "a part too large": "https://256.1.1.1",
    "five parts": "https://1.2.3.4.5",
    "other digits": "https://①⑥⑨.254.169.254",
    # Names.
    "look-alike letters": "https://аpi.example.com",  # its first letter is Cyrillic
    "wide letters": "https://ａｐｉ.example.com",
    "ideographic dot": "https://api。example.com",
    "soft hyphen": "https://api.exam\u00adple.com",
    "two dots": "https://api..example.com",
    "dot first": "https://.example.com",
    "dot last": "https://api.example.com.",
    "hyphen first": "https://-api.example.com",
    "quoted": "https://api%2eexample.com",
    "long label": f"https://{'a' * 64}.example.com",
    "long name": "https://" + ".".join(["a" * 60] * 5),
    # Characters that some programs drop, or read as others.
    "backslash": "https://api.example.com\\@evil.example",
    "backslash for a slash": "https:\\\\api.example.com",
    "space": "https://api.example.com/a b",
    "space first": " https://api.example.com",
    "space last": "https://api.example.com ",
    "tab": "https://api.exa\tmple.com",
    "line end": "https://api.example.com\n",
    "header": "https://api.example.com/\r\nX-Evil: 1",
    "NUL": "https://api.example.com/\0",
    "zero width": "https://api.example\u200b.com",
    "direction": "https://api.example.com/\u202e",
    # Paths that lead elsewhere.
    "double slash": "https://api.example.com//v1",
    "double slash at the end": "https://api.example.com/v1//",
    "up": "https://api.example.com/v1/../admin",
    "here": "https://api.example.com/./v1",
    "quoted path": "https://api.example.com/%2e%2e/admin",
    "parameters": "https://api.example.com/v1;x=1",
}

ACCEPTED = {
    "name": "https://api.example.com",
    "slash at the end": "https://api.example.com/",
    "port": "https://api.example.com:8443",
    "last port": "https://api.example.com:65535",
    "path": "https://api.example.com/v1/accounts~2_x-y.z",
    "capitals": "https://API.Example.com/V1",
    "one label": "https://gateway/bfx",
    "punycode": "https://xn--bcher-kva.example",
    "label with digits": "https://api2.1x.example",
    "private IPv4": "https://10.0.0.5:8443",
    "public IPv4": "https://1.1.1.1",
    "public IPv6": "https://[2606:4700::1111]:8443/x",
    "private IPv6": "https://[fd00::1]",
    "loopback": "http://127.0.0.1:8000/bfx",
    "other loopback": "http://127.8.9.10",
    "loopback over TLS": "https://127.0.0.1",
    "localhost": "http://localhost:8000",
    "IPv6 loopback": "http://[::1]:8000/bfx",
}


@pytest.mark.parametrize("base_url", REFUSED.values(), ids=REFUSED)
def test_an_address_that_is_not_safe_is_refused_and_not_repeated(base_url: str) -> None:
    with pytest.raises(av.UsageError) as caught:
        av.connect("bfx", **CREDENTIALS, base_url=base_url)

    message = str(caught.value)
    assert message.startswith("bfx: ")
    assert "base_url" in message
    assert "password" not in message
    assert "example" not in message


@pytest.mark.parametrize("base_url", ACCEPTED.values(), ids=ACCEPTED)
def test_an_address_that_is_safe_is_used_as_it_is(base_url: str) -> None:
    with av.connect("bfx", **CREDENTIALS, base_url=base_url) as client:
        assert repr(client) == f"<Client bfx {base_url.rstrip('/')}>"


@pytest.mark.parametrize("base_url", [3, b"https://api.example.com", ["https://api.example.com"]])
def test_what_is_no_text_is_no_address(base_url: object) -> None:
    with pytest.raises(av.UsageError, match="base_url must be"):
        av.connect("bfx", **CREDENTIALS, base_url=base_url)


@pytest.mark.parametrize(
    ("host", "told"),
    [
        ("api.bfx.trade", "has closed"),
        ("API.bfx.trade", "has closed"),
        ("api.bfx.trade:443", "has closed"),
        ("api.bfx.trade.", "the host of base_url"),
    ],
)
def test_no_writing_of_a_closed_host_gets_past(host: str, told: str, monkeypatch: pytest.MonkeyPatch) -> None:
    described = spec.load("bfx")
    lifecycle = spec.Lifecycle(state="dead", note="it is over")
    closed = msgspec.structs.replace(described, lifecycle=lifecycle)
    monkeypatch.setattr(spec, "load", {"bfx": closed}.__getitem__)

    with pytest.raises(av.UsageError, match=told):
        av.connect("bfx", **CREDENTIALS, base_url=f"https://{host}")


def test_there_are_enough_addresses() -> None:
    assert len(REFUSED) >= 30
    assert len(set(REFUSED.values())) == len(REFUSED)
