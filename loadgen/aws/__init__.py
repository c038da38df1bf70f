"""The only room with boto3: credentials, the control plane of RUM (plan, then apply), reading back. Calls AWS."""

from loadgen.aws.account import Account, MonitorTarget
from loadgen.aws.session import explained, signer

__all__ = ["Account", "MonitorTarget", "explained", "signer"]
