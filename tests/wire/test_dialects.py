"""Each dialect encodes, addresses and signs in its own way: fetch, gzip and beacon; web client and SDK."""

from __future__ import annotations

import json
from typing import Any, get_args

import click
import msgspec
import pytest

from loadgen.cli.run import run
from loadgen.options import DialectName
from loadgen.wire import DIALECTS, Encoded, encode
from loadgen.wire.sigv4 import Credentials, Signer
from tests.wire.batches import CART, CLOCK, DESTINATION, batch, body_of, event


def padded(length: int, letter: str = "a", **about: Any) -> Encoded:
    """A batch whose body has `length` bytes if the letter has one."""
    empty = encode(batch(event({"x": ""}), **about), msgspec.structs.replace(DESTINATION, compression=False), CLOCK)
    return encode(batch(event({"x": letter * (length - empty.raw_bytes)}), **about), DESTINATION, CLOCK)


@pytest.mark.parametrize(("length", "gzip"), [(2047, False), (2048, True), (20_000, True)])
def test_bodies_of_2048_characters_and_more_are_compressed(length: int, gzip: bool) -> None:
    result = padded(length)
    assert result.raw_bytes == length
    assert (result.request.get_header("content-encoding") == "gzip") == gzip
    assert (len(result.request.body) < length) == gzip


def test_the_threshold_counts_utf_16_units_not_bytes() -> None:
    """1200 letters of two bytes and one unit each: more than 2048 bytes, fewer characters."""
    result = padded(2047, "ä")
    assert result.raw_bytes > 2048
    assert result.request.get_header("content-encoding") is None


def test_compression_is_deterministic_and_has_no_date() -> None:
    one, other = padded(5000).request.body, padded(5000).request.body
    assert one == other
    assert one[4:8] == bytes(4)


def test_compression_off_sends_plain() -> None:
    plain = msgspec.structs.replace(DESTINATION, compression=False)
    result = encode(batch(event({"x": "a" * 5000})), plain, CLOCK)
    assert result.request.get_header("content-encoding") is None


@pytest.mark.parametrize(("length", "beacon"), [(64_000, True), (64_001, False)])
def test_a_batch_too_long_for_a_beacon_goes_by_fetch(length: int, beacon: bool) -> None:
    result = padded(length, beacon=True)
    assert result.beacon == beacon
    expected = ("text/plain;charset=UTF-8", None) if beacon else ("application/json", "gzip")
    assert (result.request.get_header("content-type"), result.request.get_header("content-encoding")) == expected


def test_a_prefix_s_trailing_slash_is_trimmed() -> None:
    """As captured [endpoint-prefix-slash]."""
    stage = msgspec.structs.replace(DESTINATION, prefix="/stage/")
    assert encode(batch(event({})), stage, CLOCK).request.target == f"/stage/appmonitors/{DESTINATION.monitor_id}"


def test_an_sdk_batch_merges_the_session_into_every_event() -> None:
    destination = msgspec.structs.replace(DESTINATION, dialect=DIALECTS["sdk"])
    result = encode(batch(event({}), event({}, page=CART), beacon=True), destination, CLOCK)
    web = body_of(encode(batch(event({}), event({}, page=CART)), DESTINATION, CLOCK))
    body = body_of(result)
    assert list(body) == ["BatchId", "AppMonitorDetails", "UserDetails", "RumEvents"]
    for mine, theirs in zip(body["RumEvents"], web["RumEvents"], strict=True):
        merged = json.loads(web["SessionMetadata"]) | json.loads(theirs["metadata"])
        assert list(json.loads(mine["metadata"]).items()) == list(merged.items())
    assert result.request.target == f"/appmonitors/{DESTINATION.monitor_id}/"
    assert (result.beacon, result.request.get_header("content-type")) == (False, "application/json")


@pytest.mark.parametrize(("dialect", "presigned"), [("web", True), ("sdk", False)])
def test_only_the_web_client_presigns_a_beacon(dialect: DialectName, presigned: bool) -> None:
    speech = DIALECTS[dialect]
    sent = encode(batch(event({}), beacon=True), msgspec.structs.replace(DESTINATION, dialect=speech), CLOCK)
    signer = Signer(Credentials("AKIDEXAMPLE", "secret"), "us-east-1")
    signed = speech.sign(signer, sent.request, sent.beacon, 1767225600.0)
    assert sent.beacon == presigned
    assert ("X-Amz-Signature=" in signed.target) == presigned
    assert (signed.get_header("authorization") is None) == presigned


def test_the_web_client_signs_a_fetch_in_its_headers() -> None:
    sent = encode(batch(event({})), DESTINATION, CLOCK)
    signer = Signer(Credentials("AKIDEXAMPLE", "secret"), "us-east-1")
    signed = DESTINATION.dialect.sign(signer, sent.request, False, 0.0)
    assert signed.target == sent.request.target
    assert "Credential=AKIDEXAMPLE/19700101/us-east-1/rum/aws4_request" in (signed.get_header("authorization") or "")


def test_run_offers_every_dialect() -> None:
    (option,) = [each for each in run.params if each.name == "dialect"]
    assert isinstance(option.type, click.Choice)
    assert list(option.type.choices) == list(DIALECTS) == list(get_args(DialectName))
