"""The local CloudWatch RUM endpoint over SQLite: the API's twenty operations on a port of this machine."""

from loadgen.endpoint.admin import EndpointLedger, LoggedCalls
from loadgen.endpoint.call_log import PutCall
from loadgen.endpoint.faults import Faults, parse_faults
from loadgen.endpoint.local_endpoint import Endpoint, find_running, make_credentials
from loadgen.endpoint.settings import EndpointSettings

__all__ = [
    "Endpoint",
    "EndpointLedger",
    "EndpointSettings",
    "Faults",
    "LoggedCalls",
    "PutCall",
    "find_running",
    "make_credentials",
    "parse_faults",
]
