"""How a target is reached: one rule for proxies and trusted certificates, for every part of loadgen that sends.

Rule: a job's `proxy` and `ca_bundle` come first (`--proxy`, `--ca-bundle`); while it runs they are LOADGEN_PROXY and
LOADGEN_CA_BUNDLE, which reach every process of a run on this machine. Then comes the environment, as the AWS tools and
curl read it: the proxy is HTTPS_PROXY or HTTP_PROXY by the target's scheme, else ALL_PROXY; NO_PROXY names hosts
without a proxy; names in lower case come first. Trusted certificates are AWS_CA_BUNDLE, SSL_CERT_FILE or
REQUESTS_CA_BUNDLE, else the system's. A target on this machine never has a proxy. A proxy or a file of certificates
that cannot be used is refused before anything is sent.
"""

from __future__ import annotations

import ipaddress
import os
import ssl
from base64 import b64encode
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import SplitResult, unquote, urlsplit

from loadgen.errors import LoadgenError
from loadgen.model import Noun

PORTS = {"http": 80, "https": 443}
PROXY, CA_BUNDLE = "LOADGEN_PROXY", "LOADGEN_CA_BUNDLE"
OPTIONS = {PROXY: "--proxy", CA_BUNDLE: "--ca-bundle"}  # their names in messages
BUNDLES = (CA_BUNDLE, "AWS_CA_BUNDLE", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE")  # boto3 reads the first and the last


class Proxy(Noun):
    """An HTTP proxy, spoken to in plain HTTP."""

    host: str
    port: int
    authorization: str | None = None  # value of Proxy-Authorization
    url: str = ""  # as it was given, with user and password


class Route(Noun):
    """How one origin is reached. With a proxy, https goes through a tunnel (CONNECT), http in absolute form."""

    scheme: str
    host: str
    port: int
    netloc: str  # host and port as the URL writes them
    proxy: Proxy | None = None
    ca_bundle: str | None = None  # absolute path of a PEM file; None: the system's certificates

    @property
    def address(self) -> tuple[str, int]:
        """Host and port to connect to: those of the proxy, if there is one, else of the target."""
        return (self.proxy.host, self.proxy.port) if self.proxy else (self.host, self.port)

    @property
    def is_tunnelled(self) -> bool:
        """Whether the connection begins with a CONNECT to the proxy."""
        return self.proxy is not None and self.scheme == "https"

    @property
    def prefix(self) -> str:
        """The text before the path on the request line: the origin for a proxy that forwards, else ""."""
        return f"{self.scheme}://{self.netloc}" if self.proxy and not self.is_tunnelled else ""

    @property
    def proxy_headers(self) -> str:
        """The header lines for a proxy that forwards; "" without one."""
        if not self.prefix or self.proxy is None or self.proxy.authorization is None:
            return ""
        return f"proxy-authorization: {self.proxy.authorization}\r\n"

    def create_tls_context(self) -> ssl.SSLContext | None:
        """Create the TLS context with the trusted certificates; None for http."""
        return ssl.create_default_context(cafile=self.ca_bundle) if self.scheme == "https" else None


def find_route(url: str, environ: Mapping[str, str] = os.environ) -> Route:
    """Find the route to a URL. LoadgenError: the proxy or the file of certificates cannot be used."""
    parts = urlsplit(url)
    if parts.scheme not in PORTS:
        raise LoadgenError(f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}: no HTTP; write http:// or https://")
    host, port = parts.hostname or "", parts.port or PORTS[parts.scheme]
    bundle = find_ca_bundle(environ) if parts.scheme == "https" else None
    return Route(parts.scheme, host, port, parts.netloc, find_proxy(parts.scheme, host, port, environ), bundle)


def find_proxy(scheme: str, host: str, port: int, environ: Mapping[str, str]) -> Proxy | None:
    """Find the proxy for a host; None for a host on this machine, or when no proxy is set."""
    if is_loopback(host):
        return None
    if given := environ.get(PROXY):
        return parse_proxy(OPTIONS[PROXY], given)
    if is_excepted(host, port, read_variable("no_proxy", environ)[1]):
        return None
    for name in (f"{scheme}_proxy", "all_proxy"):
        variable, value = read_variable(name, environ)
        if value:
            return parse_proxy(variable, value)
    return None


def read_variable(name: str, environ: Mapping[str, str]) -> tuple[str, str]:
    """Return a variable's name and value: the lower-case variable if it is set, even to "", else the upper-case one.

    HTTP_PROXY is not read in a CGI program: there, a client can set it with its Proxy header (httpoxy).
    """
    if name in environ:
        return name, environ[name].strip()
    upper = name.upper()
    if upper == "HTTP_PROXY" and "REQUEST_METHOD" in environ:
        return upper, ""
    return upper, environ.get(upper, "").strip()


def parse_proxy(name: str, value: str) -> Proxy:
    """Parse the value of the option or variable `name`; a proxy without a scheme is http."""
    parts = urlsplit(value if "://" in value else f"http://{value}")
    shown = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"
    try:
        host, port = parts.hostname, parts.port or PORTS["http"]
    except ValueError as wrong:
        raise LoadgenError(f"{name}: {shown} is no proxy ({wrong}); write http://HOST:PORT") from None
    if parts.scheme != "http":
        raise LoadgenError(
            f"{name}: {shown} cannot be used, loadgen speaks to proxies in plain HTTP; write http://HOST:PORT"
            + ("" if name == OPTIONS[PROXY] else ", or name the target in NO_PROXY")
        )
    if not host:
        raise LoadgenError(f"{name}: {shown} names no host; write http://HOST:PORT")
    if name == OPTIONS[PROXY] and "@" in parts.netloc:
        raise LoadgenError("--proxy: leave user and password out, options are kept with the results; set HTTPS_PROXY")
    return Proxy(host, port, authorize(parts), parts.geturl())


def authorize(parts: SplitResult) -> str | None:
    """Return the Proxy-Authorization for a proxy's URL (RFC 7617); None without a user."""
    if parts.username is None:
        return None
    pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
    return f"Basic {b64encode(pair.encode()).decode()}"


def is_loopback(host: str) -> bool:
    """Return whether a host name or address is this machine."""
    name = host.lower().rstrip(".")
    if name == "localhost" or name.endswith(".localhost"):
        return True
    address = parse_address(name)
    return address is not None and (address.is_loopback or address.is_unspecified)


def parse_address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """Parse an IP address, an IPv4 address inside IPv6 as the IPv4 address; None for a host name."""
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address


def is_excepted(host: str, port: int, no_proxy: str) -> bool:
    """Return whether NO_PROXY names a host: itself, a domain above it, its address or a network; a port may follow."""
    return any(matches(entry, host.lower().rstrip("."), port) for entry in no_proxy.lower().replace(",", " ").split())


def matches(entry: str, host: str, port: int) -> bool:
    """Return whether an entry of NO_PROXY is for a host, such as `*`, `corp.test`, `*.corp.test:80`, `10.0.0.0/8`."""
    if entry == "*":
        return True
    address = parse_address(host)
    if address is not None:
        try:
            return address in ipaddress.ip_network(entry.strip("[]"), strict=False)
        except ValueError:  # an address with a port, or a name
            pass
    name, colon, number = entry.rpartition(":")
    if colon and number.isdecimal() and ("]" in entry or ":" not in name):
        if int(number) != port:
            return False
        entry = name
    suffix = entry.strip("[]").removeprefix("*").lstrip(".")
    return bool(suffix) and (host == suffix or host.endswith(f".{suffix}"))


def find_ca_bundle(environ: Mapping[str, str]) -> str | None:
    """Return the absolute path of the file of trusted certificates that the environment names; None: the system's."""
    name = next((name for name in BUNDLES if environ.get(name)), None)
    return None if name is None else check_ca_bundle(OPTIONS.get(name, name), environ[name])


def check_ca_bundle(name: str, given: str) -> str:
    """Check a file of certificates and return its absolute path; `name` is the option or variable that names it.

    A folder is refused, because the AWS SDK, which fetches credentials, accepts only a file.
    """
    path = Path(given).absolute()
    if path.is_dir():
        raise LoadgenError(f"{name}: {given} is a folder; name one PEM file, such as `cat {path}/*.pem` writes")
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(path)
    except (ssl.SSLError, OSError) as error:
        reason = (error.strerror or "").lower()
        why = "holds no certificate in PEM" if isinstance(error, ssl.SSLError) else f"cannot be read ({reason})"
        raise LoadgenError(f"{name}: {given} {why}; name a PEM file with the certificates to trust") from None
    return str(path)


@contextmanager
def override_network(proxy: str | None, ca_bundle: str | None) -> Iterator[None]:
    """Let this process and its child processes use this proxy and this file of trusted certificates.

    None keeps the environment's setting. LoadgenError: one of them cannot be used. The values become environment
    variables of this process, so they hold for all its threads.
    """
    given = {name: value for name, value in ((PROXY, proxy), (CA_BUNDLE, ca_bundle)) if value is not None}
    if proxy is not None:
        parse_proxy(OPTIONS[PROXY], proxy)
    if ca_bundle is not None:
        given[CA_BUNDLE] = check_ca_bundle(OPTIONS[CA_BUNDLE], ca_bundle)
    before = {name: os.environ.get(name) for name in given}
    os.environ.update(given)
    try:
        yield
    finally:
        for name, value in before.items():
            os.environ.pop(name, None)
            os.environ |= {} if value is None else {name: value}
