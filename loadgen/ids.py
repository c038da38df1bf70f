"""Ids as a function of a key: the same key, purpose and number always give the same id."""

from __future__ import annotations

from hashlib import blake2b
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

VARIANT = {digit: "89ab"[int(digit, 16) & 3] for digit in "0123456789abcdef"}
"""The variant digit of a UUID (RFC 9562), by the random digit that it replaces."""

UUID_GROUPS = ((0, 8), (8, 12), (12, 16), (16, 20), (20, 32))
"""First and last position of the hex digits between the dashes of a UUID."""

NIL_UUID = "00000000-0000-0000-0000-000000000000"
"""The user id of the web client when cookies are not allowed."""


def draw_bytes(key: int, purpose: str, number: int) -> bytes:
    """Draw 16 bytes for a purpose from a session's key (64 bits): value `number` of a counter-based random stream."""
    return blake2b(
        purpose.encode() + number.to_bytes(8, "little"), digest_size=16, key=key.to_bytes(8, "little")
    ).digest()


def make_uuid4(key: int, purpose: str, number: int) -> str:
    """Draw a version 4 UUID (RFC 9562) for a purpose from a session's key."""
    return format_uuid4(draw_bytes(key, purpose, number).hex())


def format_uuid4(hex32: str) -> str:
    """Shape 32 random hex digits as a version 4 UUID; 6 of the 128 bits are fixed."""
    return f"{hex32[:8]}-{hex32[8:12]}-4{hex32[13:16]}-{VARIANT[hex32[16]]}{hex32[17:20]}-{hex32[20:]}"


def draw_first_bytes(key: int, purpose: str, count: int) -> bytes:
    """Return `draw_bytes` of each number below `count`, joined: 16 bytes each; key and purpose are hashed once."""
    prefix, drawn = blake2b(purpose.encode(), digest_size=16, key=key.to_bytes(8, "little")), []
    for number in range(count):
        state = prefix.copy()
        state.update(number.to_bytes(8, "little"))
        drawn.append(state.digest())
    return b"".join(drawn)


def write_uuids(raw: NDArray[np.uint8]) -> list[str]:
    """Write each row of random bytes, shape (n, 16), as a version 4 UUID, as `format_uuid4` does."""
    import numpy as np  # not above: numpy's threads make a call of the endpoint, which needs no numpy, 5 % slower

    raw = raw.copy()
    raw[:, 6] = raw[:, 6] & 0x0F | 0x40
    raw[:, 8] = raw[:, 8] & 0x3F | 0x80
    digits = np.frombuffer(raw.tobytes().hex().encode("ascii"), dtype=np.uint8).reshape(-1, 32)
    text = np.full((len(raw), 37), ord("-"), dtype=np.uint8)
    text[:, 36] = ord("\n")  # splitting is twice as quick as slicing
    for group, (start, stop) in enumerate(UUID_GROUPS):
        text[:, start + group : stop + group] = digits[:, start:stop]
    return text.tobytes().decode("ascii").splitlines()


def is_sampled(key: int, sample_rate: float, number: int = 0) -> bool:
    """Whether a client session of a visit is in the sample and sends; `number` counts the visit's sessions from 0."""
    return sample_rate >= 1 or draw_sampling(key, number) < sample_rate


def draw_sampling(key: int, number: int = 0) -> float:
    """Draw a client session's number in [0, 1): the session is sampled at every sample rate above it."""
    return int.from_bytes(draw_bytes(key, "sample", number)[:7], "little") / 2**56
