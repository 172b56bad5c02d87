"""Ed25519 as RFC 8032 describes it, slowly, for keys that are no secret: the time it takes depends on its arguments.

A double of a venue needs no more, and so the sandbox needs no cryptographic package. Never sign with a real key here.
"""

import hashlib

_P = 2**255 - 19
_ORDER = 2**252 + 27742317777372353535851937790883648493
_D = -121665 * pow(121666, -1, _P) % _P
_ROOT_OF_MINUS_ONE = pow(2, (_P - 1) // 4, _P)

Point = tuple[int, int, int, int]
"""Extended coordinates (X, Y, Z, T): x = X / Z, y = Y / Z, x × y = T / Z."""


def public_key(private: bytes) -> bytes:
    """The public key, 32 bytes, of a private key of 32 bytes."""
    return encode(multiply(_secret(private)[0], BASE))


def sign(private: bytes, message: bytes) -> bytes:
    """The signature, 64 bytes, of a message."""
    scalar, prefix = _secret(private)
    nonce = _number(prefix, message) % _ORDER
    commitment = encode(multiply(nonce, BASE))
    answer = nonce + _number(commitment, public_key(private), message) * scalar
    return commitment + (answer % _ORDER).to_bytes(32, "little")


def verify(public: bytes, message: bytes, signature: bytes) -> bool:
    """Whether the holder of a public key has signed the message."""
    if len(signature) != 64:
        return False
    holder, commitment = decode(public), decode(signature[:32])
    answer = int.from_bytes(signature[32:], "little")
    if holder is None or commitment is None or answer >= _ORDER:
        return False
    challenge = _number(signature[:32], public, message) % _ORDER
    return encode(multiply(answer, BASE)) == encode(add(commitment, multiply(challenge, holder)))


def _secret(private: bytes) -> tuple[int, bytes]:
    """The scalar of a private key, and what its nonces are made from."""
    expanded = hashlib.sha512(private).digest()
    return int.from_bytes(expanded[:32], "little") & ((1 << 254) - 8) | (1 << 254), expanded[32:]


def _number(*parts: bytes) -> int:
    return int.from_bytes(hashlib.sha512(b"".join(parts)).digest(), "little")


def add(left: Point, right: Point) -> Point:
    """The sum of two points of the curve."""
    a = (left[1] - left[0]) * (right[1] - right[0]) % _P
    b = (left[1] + left[0]) * (right[1] + right[0]) % _P
    c = 2 * left[3] * right[3] * _D % _P
    d = 2 * left[2] * right[2] % _P
    e, f, g, h = b - a, d - c, d + c, b + a
    return (e * f % _P, g * h % _P, f * g % _P, e * h % _P)


def multiply(scalar: int, point: Point) -> Point:
    """The point added to itself so many times."""
    result: Point = (0, 1, 1, 0)
    while scalar:
        if scalar & 1:
            result = add(result, point)
        point = add(point, point)
        scalar >>= 1
    return result


def encode(point: Point) -> bytes:
    """A point as 32 bytes: y, and in the highest bit whether x is odd."""
    inverse = pow(point[2], -1, _P)
    x, y = point[0] * inverse % _P, point[1] * inverse % _P
    return (y | (x & 1) << 255).to_bytes(32, "little")


def decode(text: bytes) -> Point | None:
    """The point that 32 bytes stand for; None when they stand for none."""
    y = int.from_bytes(text, "little")
    odd = y >> 255
    y &= (1 << 255) - 1
    if len(text) != 32 or y >= _P:
        return None
    square = (y * y - 1) * pow(_D * y * y + 1, -1, _P) % _P
    x = pow(square, (_P + 3) // 8, _P)
    if (x * x - square) % _P:
        x = x * _ROOT_OF_MINUS_ONE % _P
    if (x * x - square) % _P or (not x and odd):
        return None
    x = x if x & 1 == odd else _P - x
    return (x, y, 1, x * y % _P)


_base = decode((4 * pow(5, -1, _P) % _P).to_bytes(32, "little"))
assert _base is not None  # noqa: S101 - y = 4/5 is on the curve; for the type checker
BASE: Point = _base
