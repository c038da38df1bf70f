"""(b) Locust's FastHttpUser with a ready-made, unsigned body."""

from locust import FastHttpUser, task

from tests.benchmarks.ready import MONITOR_ID, ready_body

BODY = ready_body()
HEADERS = {"content-type": "application/json"}


class Fast(FastHttpUser):
    @task
    def put(self) -> None:
        self.client.post(f"/appmonitors/{MONITOR_ID}", data=BODY, headers=HEADERS)  # type: ignore[arg-type]  # bytes
