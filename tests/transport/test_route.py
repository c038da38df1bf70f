"""The way to a target: proxies and trust, as the caller and the environment say."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest

from loadgen.errors import LoadgenError
from loadgen.transport import find_route, is_loopback

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


def test_trust_is_the_callers_then_the_aws_tools_then_openssls(tmp_path: Path) -> None:
    paths = {
        name: tmp_path / name for name in ("LOADGEN_CA_BUNDLE", "AWS_CA_BUNDLE", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE")
    }
    for path in paths.values():
        path.touch()
    environ = {name: str(path) for name, path in paths.items()}
    https = "https://rum.corp.test"
    for name in list(environ):
        assert find_route(https, environ=environ).ca_bundle == environ.pop(name)
    assert find_route(https, environ=environ).ca_bundle is None


def test_certificates_that_are_not_there_or_none_are_refused(tmp_path: Path) -> None:
    with pytest.raises(LoadgenError, match=r"AWS_CA_BUNDLE: /nowhere/ca.pem is not there"):
        find_route("https://rum.corp.test", environ={"AWS_CA_BUNDLE": "/nowhere/ca.pem"})
    (tmp_path / "ca.pem").write_text("no certificate")
    route = find_route("https://rum.corp.test", environ={"AWS_CA_BUNDLE": str(tmp_path / "ca.pem")})
    with pytest.raises(LoadgenError, match="holds no certificate in PEM"):
        route.create_tls_context()


def test_a_target_without_tls_asks_for_no_certificates() -> None:
    assert find_route(TARGET, environ={"AWS_CA_BUNDLE": "/nowhere/ca.pem"}).create_tls_context() is None
