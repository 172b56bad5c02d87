"""ECDSA on the Stark curve, and Starknet's form of Keccak: what ZKX signs its requests with.

The two packages that do the work are an extra, `accountview[stark]`, and are imported when they are first used.
"""

import hashlib
import importlib
from collections.abc import Callable
from functools import cache, lru_cache
from typing import Any

from accountview.errors import UsageError

# The curve y² = x³ + x + B over the field of P, with its generator of order ORDER: a public standard of Starknet.
P = 2**251 + 17 * 2**192 + 1
B = 0x6F21413EFBE40DE150E596D72F7A8C5609AD26C15C915C1F4CDFCB99CEE9E89
GENERATOR = (
    0x1EF15C18599971B7BECED415A40F0C7DEACFD9B0D1819E03D723D8BC943CFCA,
    0x5668060AA49730B7BE4801DF46EC62DE53ECD11ABE43A32873000C36E8DC1F,
)
ORDER = 0x800000000000010FFFFFFFFFFFFFFFFB781126DCAE7B2321E66A241ADC64D2F
HASH_MASK = (1 << 250) - 1


def message_hash(text: str) -> int:
    """The low 250 bits of the Keccak-256 (not SHA3-256) of the text as UTF-8."""
    digest: bytes = _module("Crypto.Hash.keccak").new(digest_bits=256, data=text.encode()).digest()
    return int.from_bytes(digest) & HASH_MASK


def public_key(private_key: int) -> str:
    """The compressed public key: `0x`, 02 for an even y or 03 for an odd one, x in 64 hexadecimal digits."""
    point = private_key * _generator()
    return f"0x{2 + int(point.y()) % 2:02x}{int(point.x()):064x}"


def signer(private_key: Callable[[], int]) -> Callable[[str], tuple[int, int]]:
    """A function from a text to the signature (r, s) of its hash, always the same one (RFC 6979).

    `private_key` gives the key: no variable holds it, for a traceback may be shown with all variables on its way.
    Raises UsageError when the extra is not installed: here, so that no request is ever half made.
    """
    ecdsa = _module("ecdsa.ecdsa")
    generator = _generator()
    key = ecdsa.Private_key(ecdsa.Public_key(generator, generator * private_key()), private_key())
    generate_nonce = _module("ecdsa.rfc6979").generate_k
    _module("Crypto.Hash.keccak")

    def sign(text: str) -> tuple[int, int]:
        hashed = message_hash(text)
        # Of what is handed over, the first 252 bits count, as many as the order has: so the hash is moved there.
        # The nonce is as secret as the key.
        signed = (hashed << 4).to_bytes(32)
        signature = key.sign(hashed, generate_nonce(ORDER, private_key(), hashlib.sha256, signed))
        return int(signature.r), int(signature.s)

    return sign


def verifies(text: str, signature: tuple[int, int], compressed_key: str) -> bool:
    """Whether (r, s) is the signature of a text by a compressed public key; False where that is no point.

    Raises ValueError for a key that is not hexadecimal.
    """
    point = _point(compressed_key)
    if point is None:
        return False
    ecdsa = _module("ecdsa.ecdsa")
    key = ecdsa.Public_key(_generator(), point)
    return bool(key.verifies(message_hash(text), ecdsa.Signature(*signature)))


@lru_cache(maxsize=64)  # the square root is most of the work
def _point(compressed_key: str) -> Any:
    """The point of the curve that a compressed public key is; None when it is none."""
    prefix, x = compressed_key[:4], int(compressed_key[4:], 16)
    numbers = _module("ecdsa.numbertheory")
    if prefix not in ("0x02", "0x03") or x >= P:
        return None
    try:
        y = int(numbers.square_root_mod_prime((x**3 + x + B) % P, P))
    except numbers.SquareRootError:
        return None
    if y % 2 != int(prefix, 16) % 2:
        y = P - y
    return _module("ecdsa.ellipticcurve").Point(_generator().curve(), x, y, ORDER)


@cache
def _generator() -> Any:
    curves = _module("ecdsa.ellipticcurve")
    return curves.PointJacobi(curves.CurveFp(P, 1, B), *GENERATOR, 1, ORDER, generator=True)


def _module(name: str) -> Any:
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        package = {"Crypto": "pycryptodome"}.get(name.partition(".")[0], "ecdsa")
        raise UsageError(
            f"zkx signs on the Stark curve and needs {package}, which is not installed: "
            "pip install 'accountview[stark]'"
        ) from error
