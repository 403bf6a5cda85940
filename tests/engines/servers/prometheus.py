"""Prometheus, from its Go module."""

import json
import time

from facts import Server
from lab import http

PORT = 9090


class Prometheus(Server):
    id = "prometheus"
    image = "prometheus"
    argument = "--storage.tsdb.path="
    note = "samples by OTLP"
    recovers = "Replaying WAL"

    def __init__(self, lab):
        self.program, version = lab.program("prometheus")
        # Its modules are numbered v0.<major><minor>: v0.316.0 is 3.16.0.
        _, number, patch = version.split(".")
        super().__init__(lab, f"{number[0]}.{int(number[1:])}.{patch}", int(number[0]))

    def start(self, directory, number=0):
        configuration = self.lab.home / "prometheus.yml"
        configuration.write_text("global: {scrape_interval: 1m}\n")
        arguments = [f"--config.file={configuration}", f"--storage.tsdb.path={directory}"]
        arguments += [f"--web.listen-address=127.0.0.1:{PORT + number}", "--web.enable-otlp-receiver"]
        return self.lab.start(self.id, [self.program, *arguments])

    def ready(self, number=0):
        http("GET", PORT + number, "/-/ready")
        return True

    def writer(self, number=0):
        return Writer(PORT + number)

    def numbers(self, number=0):
        answer = json.loads(http("GET", PORT + number, "/api/v1/label/number/values"))
        return {int(value) for value in answer["data"]} or None


class Writer:
    """Writes one sample of a series of its own."""

    def __init__(self, port):
        self._port = port

    def put(self, number):
        point = {
            "asDouble": 1,
            "timeUnixNano": str(time.time_ns()),
            "attributes": [{"key": "number", "value": {"stringValue": str(number)}}],
        }
        metrics = [{"name": "numbers", "gauge": {"dataPoints": [point]}}]
        body = {"resourceMetrics": [{"scopeMetrics": [{"metrics": metrics}]}]}
        http("POST", self._port, "/api/v1/otlp/v1/metrics", body, {"Content-Type": "application/json"})

    def close(self):
        pass


SERVERS = {"prometheus": Prometheus}
