"""An example program: it reports an order to CloudWatch RUM with boto3, and tries again when it is throttled."""

from __future__ import annotations

import json
import sys
import time
import uuid

import boto3
from botocore.config import Config


def report_order(monitor_id: str, items: int) -> None:
    """Send one custom event; boto3's standard retries wait and repeat what RUM throttles."""
    client = boto3.client("rum", config=Config(retries={"mode": "standard", "total_max_attempts": 4}))
    details = json.dumps({"version": "1.0.0", "items": items})
    event = {"id": str(uuid.uuid4()), "timestamp": time.time(), "type": "order", "details": details}
    client.put_rum_events(
        Id=monitor_id,
        BatchId=str(uuid.uuid4()),
        AppMonitorDetails={"id": monitor_id, "version": "1.0.0"},
        UserDetails={"userId": str(uuid.uuid4()), "sessionId": str(uuid.uuid4())},
        RumEvents=[event],
    )


if __name__ == "__main__":
    report_order(sys.argv[1], int(sys.argv[2]))
