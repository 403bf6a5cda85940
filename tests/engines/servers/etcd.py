"""etcd, the test cluster's."""

import base64
import json

from facts import Server, came_up
from lab import http

CLIENTS, PEERS = 2379, 2480


class Etcd(Server):
    id = "etcd"
    argument = "--data-dir"
    recovers = None

    def __init__(self, lab):
        self.program, version = lab.program("etcd")
        super().__init__(lab, version, int(version.split(".")[0]))

    def start(self, directory, number=0, members=None):
        clients, peers = f"http://127.0.0.1:{CLIENTS + number}", f"http://127.0.0.1:{PEERS + number}"
        arguments = ["--data-dir", directory, "--name", f"etcd-{number}", "--listen-client-urls", clients]
        arguments += ["--advertise-client-urls", clients]
        arguments += ["--listen-peer-urls", peers, "--initial-advertise-peer-urls", peers]
        cluster = ",".join(f"etcd-{other}=http://127.0.0.1:{PEERS + other}" for other in members or [number])
        return self.lab.start(self.id, [self.program, *arguments, "--initial-cluster", cluster])

    def ready(self, number=0):
        return json.loads(http("GET", CLIENTS + number, "/health", seconds=2))["health"] == "true"

    def writer(self, number=0):
        return Writer(CLIENTS + number)

    def numbers(self, number=0):
        everything = {"key": encoded("0"), "range_end": encoded(":"), "keys_only": True}
        answer = json.loads(http("POST", CLIENTS + number, "/v3/kv/range", everything))
        return {int(base64.b64decode(pair["key"])) for pair in answer.get("kvs", [])} or None

    def order(self, says):
        directories = [self.lab.directory("member") for _ in range(3)]
        first = self.start(directories[0], 0, range(3))
        waits = not came_up(first, self.ready, 20)
        self.start(directories[1], 1, range(3))
        took = first.await_(self.ready)
        seen = "the first of three alone is not healthy" if waits else "the first of three alone is healthy"
        seen += f"; with the second it is after {took:.0f} s"
        yield self.ordering(says, seen, "parallel" if waits else "any")


def encoded(text):
    return base64.b64encode(text.encode()).decode()


class Writer:
    """Puts a key."""

    def __init__(self, port):
        self._port = port

    def put(self, number):
        http("POST", self._port, "/v3/kv/put", {"key": encoded(str(number)), "value": encoded("x" * 1000)})

    def close(self):
        pass


SERVERS = {"etcd": Etcd}
