"""Throw-away certificates: what a server shows, and what a client is told to trust."""

import datetime as dt
import hashlib
import ipaddress
import ssl
import warnings
from functools import cache
from pathlib import Path
from typing import Any, cast

import trustme
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

HOST = "127.0.0.1"
LONG_AGO = dt.datetime(2001, 1, 1, tzinfo=dt.UTC)
AGO = dt.datetime(2002, 1, 1, tzinfo=dt.UTC)


@cache
def authority() -> trustme.CA:
    """The one that clients are told to trust."""
    return trustme.CA()


@cache
def stranger() -> trustme.CA:
    """One that no client is told to trust."""
    return trustme.CA()


def write_authority(folder: Path) -> Path:
    """A folder as OpenSSL wants it: the authority's file is named by a hash of its name. Returns the file."""
    root = x509.load_pem_x509_certificate(authority().cert_pem.bytes())
    # OpenSSL hashes the name in lower case, with single blanks, and without the DER of what holds its parts together.
    plain = x509.Name(
        [x509.NameAttribute(part.oid, " ".join(part.value.lower().split())) for part in _texts(root)]
    )
    digest = hashlib.sha1(plain.public_bytes()[2:], usedforsecurity=False).digest()
    file = folder / f"{int.from_bytes(digest[:4], 'little'):08x}.0"
    file.write_bytes(authority().cert_pem.bytes())
    return file


def _texts(certificate: x509.Certificate) -> list[x509.NameAttribute[str]]:
    return [part for part in certificate.subject if isinstance(part.value, str)]  # type: ignore[misc] # all are texts


def shows(certificate: trustme.LeafCert) -> ssl.SSLContext:
    """The context of a server that shows this certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    cast("Any", certificate).configure_cert(
        context
    )  # it takes a context of PyOpenSSL too, which has no types
    return context


def good() -> ssl.SSLContext:
    """Nothing is wrong with it."""
    return shows(authority().issue_cert(HOST))


def untrusted() -> ssl.SSLContext:
    """Issued by an authority that nobody trusts."""
    return shows(stranger().issue_cert(HOST))


def wrong_name() -> ssl.SSLContext:
    """Issued for another host."""
    return shows(authority().issue_cert("venue.example.org"))


def expired() -> ssl.SSLContext:
    """Past its last day."""
    return shows(authority().issue_cert(HOST, not_before=LONG_AGO, not_after=AGO))


def only(version: ssl.TLSVersion) -> ssl.SSLContext:
    """Speaks one version of TLS."""
    return _speaking(good(), version, version)


def anything_goes() -> ssl.SSLContext:
    """For a client that checks nothing: with it a test sees that a server is refused for a check, and only for that."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return _speaking(context, ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_3)


def _speaking(context: ssl.SSLContext, lowest: ssl.TLSVersion, highest: ssl.TLSVersion) -> ssl.SSLContext:
    context.set_ciphers("ALL:@SECLEVEL=0")  # OpenSSL itself would speak no old version otherwise
    with warnings.catch_warnings():
        warnings.simplefilter(
            "ignore", DeprecationWarning
        )  # that old versions are deprecated is why they are here
        context.minimum_version = lowest
        context.maximum_version = highest
    return context


def _made_by_hand(
    folder: Path, names: list[x509.GeneralName], *, bits: int = 2048, trusted: bool
) -> ssl.SSLContext:
    """A certificate that trustme would not make: signed by itself, or by the authority when `trusted`."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=bits)
    subject = x509.Name([x509.NameAttribute(NameOID.ORGANIZATION_NAME, "accountview tests")])
    issuer = subject
    signer: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey = key
    if trusted:
        root = authority()
        issuer = x509.load_pem_x509_certificate(root.cert_pem.bytes()).subject
        signer = root._private_key  # pyright: ignore[reportPrivateUsage] # it shows its key in no other way
    now = dt.datetime.now(dt.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .sign(signer, hashes.SHA256())
    )
    shown = folder / "shown.pem"
    secret = key.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption())
    shown.write_bytes(secret + certificate.public_bytes(Encoding.PEM))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.set_ciphers("DEFAULT:@SECLEVEL=0")  # OpenSSL itself would not load a weak key otherwise
    context.load_cert_chain(shown)
    return context


def self_signed(folder: Path) -> ssl.SSLContext:
    """Vouched for by nobody but itself."""
    return _made_by_hand(folder, [x509.IPAddress(ipaddress.ip_address(HOST))], trusted=False)


def weak_key(folder: Path) -> ssl.SSLContext:
    """A key of 1024 bits, by the trusted authority."""
    return _made_by_hand(folder, [x509.IPAddress(ipaddress.ip_address(HOST))], bits=1024, trusted=True)


def null_name(folder: Path) -> ssl.SSLContext:
    """A name with a NUL in it, by the trusted authority: C code would read `localhost`."""
    return _made_by_hand(folder, [x509.DNSName("localhost\x00.example.org")], trusted=True)


def no_name(folder: Path) -> ssl.SSLContext:
    """No name at all, by the trusted authority."""
    return _made_by_hand(folder, [], trusted=True)
