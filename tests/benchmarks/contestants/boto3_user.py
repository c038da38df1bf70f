"""(a) What one would write today: boto3's put_rum_events in a Locust user, with a ready-made batch."""

import os

from locust import User, task  # isort: skip  (Locust patches what boto3 imports)

import boto3
from botocore.config import Config

from tests.benchmarks.ready import MONITOR_ID, ready_events

RUM = boto3.client(
    "rum",
    region_name="us-east-1",
    endpoint_url=os.environ["SINK"],
    aws_access_key_id="AKIDEXAMPLE",
    aws_secret_access_key="secret",
    config=Config(inject_host_prefix=False, max_pool_connections=64, retries={"max_attempts": 0}),
)
EVENTS = ready_events()
DETAILS = {"id": MONITOR_ID, "version": "1.0.0"}
USER = {"userId": "86db24ff-d972-4c0c-9bd0-41ad3904ddf4", "sessionId": "66f18646-6c4e-4917-b388-5008e4e36d97"}


class Boto3(User):
    @task
    def put(self) -> None:
        with self.environment.events.request.measure("PutRumEvents", "boto3"):
            RUM.put_rum_events(
                Id=MONITOR_ID,
                BatchId="19eeaeee-a582-4430-809f-3a3b1dfbfd04",
                AppMonitorDetails=DETAILS,
                UserDetails=USER,
                RumEvents=EVENTS,
            )
