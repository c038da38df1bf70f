"""The only room with boto3: credentials, the control plane of RUM (plan, then apply), reading back. Calls AWS."""

from loadgen.aws.account import Account, Target
from loadgen.aws.session import explained, signer

__all__ = ["Account", "Target", "explained", "signer"]
