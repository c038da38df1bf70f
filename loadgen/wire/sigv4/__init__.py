"""Request → signed Request, and signed Request → the access key that signed it (AWS SigV4).

Pure: the time is an argument, `now`.
"""

from loadgen.wire.sigv4.canonical import Credentials
from loadgen.wire.sigv4.signing import SIGNATURE_HEADERS, Signer
from loadgen.wire.sigv4.verifying import SignatureError, verify

__all__ = ["SIGNATURE_HEADERS", "Credentials", "SignatureError", "Signer", "verify"]
