"""The way to a target: proxies and trust, as the caller and the environment say."""

from __future__ import annotations

import base64
import os
from pathlib import Path

import pytest

from loadgen.errors import LoadgenError
from loadgen.transport import find_route, is_loopback, override_network
from tests.transport.certificates import Authority

TARGET = "http://rum.corp.test:8080/rum"


def address(url: str, **environ: str) -> tuple[str, int]:
    return find_route(url, environ).address


@pytest.mark.parametrize(
    ("url", "environ", "reached"),
    [
        (TARGET, {}, ("rum.corp.test", 8080)),
        ("https://rum.corp.test", {}, ("rum.corp.test", 443)),
        (TARGET, {"HTTP_PROXY": "http://proxy:3128"}, ("proxy", 3128)),
        (TARGET, {"http_proxy": "proxy:3128"}, ("proxy", 3128)),
        (TARGET, {"http_proxy": "http://lower:1", "HTTP_PROXY": "http://upper:2"}, ("lower", 1)),
        (TARGET, {"http_proxy": "", "HTTP_PROXY": "http://upper:2"}, ("rum.corp.test", 8080)),
        (TARGET, {"HTTPS_PROXY": "http://proxy:3128"}, ("rum.corp.test", 8080)),
        ("https://rum.corp.test", {"HTTPS_PROXY": "http://proxy"}, ("proxy", 80)),
        ("https://rum.corp.test", {"ALL_PROXY": "http://all:1", "HTTP_PROXY": "http://other:2"}, ("all", 1)),
        (TARGET, {"all_proxy": "http://all:1", "HTTP_PROXY": "http://own:2"}, ("own", 2)),
        (TARGET, {"HTTP_PROXY": "http://proxy:1", "REQUEST_METHOD": "GET"}, ("rum.corp.test", 8080)),
    ],
)
def test_the_environments_proxy_is_by_scheme_and_lower_case_goes_first(
    url: str, environ: dict[str, str], reached: tuple[str, int]
) -> None:
    assert address(url, **environ) == reached


@pytest.mark.parametrize(
    ("url", "no_proxy", "direct"),
    [
        (TARGET, "*", True),
        (TARGET, "other.test, rum.corp.test", True),
        (TARGET, "corp.test", True),
        (TARGET, ".corp.test", True),
        (TARGET, "*.corp.test", True),
        (TARGET, "CORP.TEST", True),
        (TARGET, "corp.test:8080", True),
        (TARGET, "corp.test:80", False),
        (TARGET, "orp.test", False),
        (TARGET, "", False),
        ("http://10.1.2.3", "10.1.2.3", True),
        ("http://10.1.2.3", "10.0.0.0/8", True),
        ("http://10.1.2.3:81", "10.1.2.3:80", False),
        ("http://11.1.2.3", "10.0.0.0/8", False),
        ("http://[fd00::7]:80", "[fd00::7]", True),
        ("http://[fd00::7]", "fd00::/8", True),
    ],
)
def test_no_proxy_names_hosts_domains_ports_and_networks(url: str, no_proxy: str, direct: bool) -> None:
    assert (address(url, HTTP_PROXY="http://proxy:1", NO_PROXY=no_proxy) != ("proxy", 1)) == direct


@pytest.mark.parametrize(
    ("host", "loopback"),
    [
        ("localhost", True),
        ("LOCALHOST.", True),
        ("rum.localhost", True),
        ("127.0.0.1", True),
        ("127.9.9.9", True),
        ("::1", True),
        ("::ffff:127.0.0.1", True),
        ("0.0.0.0", True),
        ("10.0.0.1", False),
        ("localhost.corp.test", False),
        ("127.0.0.1.corp.test", False),
    ],
)
def test_a_target_on_this_machine_has_no_proxy_whatever_is_said(host: str, loopback: bool) -> None:
    assert is_loopback(host) == loopback
    url = f"http://[{host}]:9" if ":" in host else f"http://{host}:9"
    reached = address(url, HTTP_PROXY="http://proxy:1", LOADGEN_PROXY="http://proxy:1")
    assert (reached != ("proxy", 1)) == loopback


def test_a_proxy_that_is_given_goes_before_the_environment() -> None:
    environ = {"HTTP_PROXY": "http://proxy:1", "NO_PROXY": "*", "LOADGEN_PROXY": "http://given:3"}
    assert address(TARGET, **environ) == ("given", 3)


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("socks5://user:secret@proxy:1080", "HTTP_PROXY: socks5://proxy:1080 cannot be used"),
        ("https://proxy", "HTTP_PROXY: https://proxy cannot be used"),
        ("http://proxy:port", "HTTP_PROXY: http://proxy:port is no proxy"),
        ("http://:3128", "HTTP_PROXY: http://:3128 names no host"),
    ],
)
def test_a_proxy_that_cannot_be_used_is_refused_without_its_password(value: str, said: str) -> None:
    with pytest.raises(LoadgenError) as caught:
        find_route(TARGET, environ={"HTTP_PROXY": value})
    assert str(caught.value).startswith(said)
    assert "secret" not in str(caught.value)


def test_a_password_on_the_command_line_is_refused() -> None:
    with pytest.raises(LoadgenError, match="leave user and password out"):
        find_route(TARGET, {"LOADGEN_PROXY": "http://me:secret@proxy:1"})


def test_a_forwarding_proxy_gets_the_origin_and_the_credentials_with_each_request() -> None:
    route = find_route(TARGET, environ={"HTTP_PROXY": "http://me:p%40ss@proxy:1"})
    assert route.prefix == "http://rum.corp.test:8080"
    name, _, value = route.proxy_headers.partition(": Basic ")
    assert (name, base64.b64decode(value)) == ("proxy-authorization", b"me:p@ss")
    tunnelled = find_route("https://rum.corp.test", environ={"HTTPS_PROXY": "http://me:p@proxy:1"})
    assert (tunnelled.is_tunnelled, tunnelled.prefix, tunnelled.proxy_headers) == (True, "", "")


BUNDLES = ("LOADGEN_CA_BUNDLE", "AWS_CA_BUNDLE", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE")
HTTPS = "https://rum.corp.test"


def test_trust_is_the_callers_then_the_aws_tools_then_openssls(tmp_path: Path) -> None:
    whole = Authority(tmp_path).bundle.read_bytes()
    environ = {name: str(tmp_path / name) for name in BUNDLES}
    for name in BUNDLES:
        (tmp_path / name).write_bytes(whole)
    for name in BUNDLES:
        assert find_route(HTTPS, environ=environ).ca_bundle == environ.pop(name)
    assert find_route(HTTPS, environ=environ).ca_bundle is None


@pytest.mark.parametrize("name", BUNDLES)
def test_certificates_that_cannot_be_used_are_refused(name: str, tmp_path: Path) -> None:
    shown = "--ca-bundle" if name == "LOADGEN_CA_BUNDLE" else name
    (tmp_path / "ca.pem").write_text("no certificate")
    for path, said in (
        (tmp_path / "none", r"none cannot be read \(no such file or directory\)"),
        (tmp_path / "ca.pem", "ca.pem holds no certificate in PEM"),
        (tmp_path, "is a folder; name one PEM file, such as `cat .*pem` writes"),
    ):
        with pytest.raises(LoadgenError, match=rf"^{shown}: .*{said}"):
            find_route(HTTPS, environ={name: str(path)})


def test_a_relative_path_of_certificates_holds_in_other_folders(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = Authority(tmp_path).bundle
    monkeypatch.chdir(tmp_path)
    assert find_route(HTTPS, environ={"AWS_CA_BUNDLE": whole.name}).ca_bundle == str(whole)


def test_what_a_job_is_given_holds_while_it_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = str(Authority(tmp_path).bundle)
    monkeypatch.setenv("LOADGEN_PROXY", "http://before:1")
    monkeypatch.delenv("LOADGEN_CA_BUNDLE", raising=False)
    with override_network("http://given:2", whole):
        route = find_route(HTTPS)
        assert (route.address, route.ca_bundle) == (("given", 2), whole)
    assert find_route(HTTPS).address == ("before", 1)
    assert "LOADGEN_CA_BUNDLE" not in os.environ


def test_a_target_without_tls_asks_for_no_certificates() -> None:
    assert find_route(TARGET, environ={"AWS_CA_BUNDLE": "/nowhere/ca.pem"}).create_tls_context() is None


@pytest.mark.parametrize("url", ["ftp://user:secret@host", "file:///etc", "//host"])
def test_a_target_that_is_not_of_http_is_refused_without_its_password(url: str) -> None:
    with pytest.raises(LoadgenError, match="no HTTP; write http:// or https://") as caught:
        find_route(url, {})
    assert "secret" not in str(caught.value)
