"""The frames that reach a master's port: its workers' frames are believed, all others are dropped and counted.

Locust's own listener ends for good at the first frame that is no message.
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
"""A longer frame closes its connection. A worker's report of a second has about 90 bytes for each request."""

MESSAGES = {
    *("client_ready", "locustfile", "client_stopped", "heartbeat", "stats", "spawning", "spawning_complete", "logs"),
    *("quit", "exception"),
}
"""The types of the messages that Locust's own workers send to their master."""

SEAL_BYTES = hashlib.sha256().digest_size

log = logging.getLogger("loadgen")


class DroppedFrames:
    """Counts the dropped frames and keeps the reason of the last one."""

    def __init__(self) -> None:
        self.count = 0
        self.reason = ""

    def add(self, error: Exception) -> None:
        """Count a dropped frame. Only the first is logged, so that another process cannot fill the log."""
        self.count += 1
        self.reason = f"{type(error).__name__}: {error}"[:200]
        if self.count == 1:
            log.warning(
                "a frame on the master's port was dropped (%s): LOADGEN_CLUSTER_SECRET must be the same text here and "
                "with each worker; further frames are counted, not logged",
                self.reason,
            )

    def describe(self) -> list[str]:
        """Return a line if the master's port got frames that are not from this run's workers."""
        if not self.count:
            return []
        frames = f"{self.count:,} frame(s) on the master's port"
        return [f"{frames} were not from this run's workers and were dropped (the last one: {self.reason})"]


def seal(payload: bytes, secret: bytes) -> bytes:
    """Return a payload with its HMAC-SHA256 under the secret in front."""
    return hmac.digest(secret, payload, "sha256") + payload


def unseal(frame: bytes, secret: bytes) -> bytes:
    """Return the payload of a sealed frame; ValueError if it was sealed under another secret, or not at all."""
    payload = frame[SEAL_BYTES:]
    if not hmac.compare_digest(frame[:SEAL_BYTES], hmac.digest(secret, payload, "sha256")):
        raise ValueError("it was not sent under LOADGEN_CLUSTER_SECRET of this run")
    return payload


def guard_messages(secret: bytes | None) -> DroppedFrames:
    """Drop and count malformed frames and, if there is a secret, frames that are not sealed with it.

    Call this once, before a runner is made: it replaces methods of Locust's sockets.
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
    """Return the sender's address ("" with one part) and the next valid message of `parts` frames; drop others."""
    while True:
        try:
            frames = socket.socket.recv_multipart()
        except green_zmq.ZMQError as error:
            raise RPCError("ZMQ network broken") from error
        try:
            if len(frames) != parts:
                raise ValueError(f"it has {len(frames)} parts, not {parts}")
            return frames[0].decode() if parts > 1 else "", decode_message(frames[-1], secret)
        except Exception as error:  # msgpack and Locust may raise anything on bytes that another process chose
            dropped.add(error)
            gevent.sleep(0)


def decode_message(frame: bytes, secret: bytes | None) -> Message:
    """Return the message in a frame. Raises any exception if the frame holds no message."""
    decode: Any = Message.unserialize
    message: Message = decode(unseal(frame, secret) if secret else frame)
    if not isinstance(message.type, str) or not isinstance(message.node_id, str):
        raise ValueError("it is no message of Locust's")
    return message


def guard_handler(runner: Any, dropped: DroppedFrames) -> None:
    """Drop and count messages of an unknown type, and messages on which Locust's handler fails."""
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
