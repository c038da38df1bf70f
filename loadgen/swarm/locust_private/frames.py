"""What comes to a master's port: frames of its own workers, and those of strangers, which are dropped and counted.

By itself Locust's listener ends for good at the first frame that is no message.
"""

from __future__ import annotations

import hashlib
import hmac
import logging
from typing import Any

import gevent
import zmq.green as green_zmq
from locust.exception import RPCError
from locust.rpc.protocol import Message
from locust.rpc.zmqrpc import BaseSocket

MOST_FRAME_BYTES = 64 * 1024 * 1024
"""A longer frame closes its connection. A worker's second is some 90 bytes a request."""

MESSAGES = {
    *("client_ready", "locustfile", "client_stopped", "heartbeat", "stats", "spawning", "spawning_complete", "logs"),
    *("quit", "exception"),
}
"""What Locust's own workers tell their master."""

SEAL_BYTES = hashlib.sha256().digest_size

log = logging.getLogger("loadgen")


class DroppedFrames:
    """How many frames that came from other processes were dropped, and why the last one was."""

    def __init__(self) -> None:
        self.count = 0
        self.reason = ""

    def add(self, error: Exception) -> None:
        """Count one, and log the first: a stranger must not fill the log."""
        self.count += 1
        self.reason = f"{type(error).__name__}: {error}"[:200]
        if self.count == 1:
            log.warning(
                "a frame on the master's port was dropped (%s): LOADGEN_CLUSTER_SECRET must be the same text here and "
                "with each worker; further ones are counted, not told",
                self.reason,
            )


def seal(payload: bytes, secret: bytes) -> bytes:
    """A payload behind its HMAC-SHA256 under the secret."""
    return hmac.digest(secret, payload, "sha256") + payload


def unseal(frame: bytes, secret: bytes) -> bytes:
    """The payload of a sealed frame; ValueError if it was sealed under another secret, or not at all."""
    payload = frame[SEAL_BYTES:]
    if not hmac.compare_digest(frame[:SEAL_BYTES], hmac.digest(secret, payload, "sha256")):
        raise ValueError("it was not sent under LOADGEN_CLUSTER_SECRET of this run")
    return payload


def guard_messages(secret: bytes | None) -> DroppedFrames:
    """Drop and count malformed frames, and those of strangers when there is a secret.

    By itself Locust's listener ends for good at the first frame that is no message. Call it once, before a runner is
    made: the sockets' methods are replaced.
    """
    dropped = DroppedFrames()
    sockets: Any = BaseSocket
    messages: Any = Message
    serialize = messages.serialize
    bound_init = sockets.__init__

    def bounded_init(self: Any, *arguments: Any) -> None:
        bound_init(self, *arguments)
        self.socket.setsockopt(green_zmq.MAXMSGSIZE, MOST_FRAME_BYTES)

    sockets.__init__ = bounded_init
    sockets.recv = lambda self: receive(self, 1, secret, dropped)[1]
    sockets.recv_from_client = lambda self: receive(self, 2, secret, dropped)
    if secret:
        messages.serialize = lambda self: seal(serialize(self), secret)
    return dropped


def receive(socket: Any, parts: int, secret: bytes | None, dropped: DroppedFrames) -> tuple[str, Message]:
    """The next message that is one, of so many parts, with its sender's address where it has two."""
    while True:
        try:
            frames = socket.socket.recv_multipart()
        except green_zmq.ZMQError as error:
            raise RPCError("ZMQ network broken") from error
        try:
            if len(frames) != parts:
                raise ValueError(f"it has {len(frames)} parts, not {parts}")
            return frames[0].decode() if parts > 1 else "", decode_message(frames[-1], secret)
        except Exception as error:  # whatever msgpack and Locust make of bytes that a stranger chose
            dropped.add(error)
            gevent.sleep(0)


def decode_message(frame: bytes, secret: bytes | None) -> Message:
    """A frame's message; raises what it pleases if it holds none."""
    decode: Any = Message.unserialize
    message: Message = decode(unseal(frame, secret) if secret else frame)
    if not isinstance(message.type, str) or not isinstance(message.node_id, str):
        raise ValueError("it is no message of Locust's")
    return message


def guard_handler(runner: Any, dropped: DroppedFrames) -> None:
    """Drop and count messages of an unknown type, and those whose content breaks Locust's handler."""
    handle = runner.handle_message

    def guarded(client_id: str, message: Message) -> None:
        if message.type not in MESSAGES and message.type not in runner.custom_messages:
            dropped.add(ValueError(f"no message is called {message.type[:40]!r}"))
            return
        try:
            handle(client_id, message)
        except Exception as error:
            dropped.add(error)

    runner.handle_message = guarded
