"""Request → Response: the local CloudWatch RUM endpoint over SQLite; `loadgen.endpoint.server` puts it on a socket."""

from loadgen.endpoint.faults import Faults
from loadgen.endpoint.service import RumService
from loadgen.endpoint.settings import EndpointSettings
from loadgen.endpoint.store import Store

__all__ = ["EndpointSettings", "Faults", "RumService", "Store"]
