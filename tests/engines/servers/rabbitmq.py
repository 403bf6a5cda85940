"""RabbitMQ, from Debian."""

import base64
import json
import pathlib
import re

from facts import Server, came_up
from lab import http

PROGRAM = pathlib.Path("/usr/lib/rabbitmq/bin/rabbitmq-server")
MANAGEMENT, CLIENTS, PEERS, NAMES = 15672, 5672, 25672, 4369
GUEST = {"Authorization": "Basic " + base64.b64encode(b"guest:guest").decode(), "Content-Type": "application/json"}


class RabbitMq(Server):
    id = "rabbitmq"
    image = "rabbitmq"
    acknowledges = False
    note = "persistent messages in a durable queue, without publisher confirms"

    def __init__(self, lab):
        library = next(pathlib.Path("/usr/lib/rabbitmq/lib").glob("rabbitmq_server-*")).name
        version = re.search(r"[\d.]+$", library)[0]
        super().__init__(lab, version, int(version.split(".")[0]))

    def start(self, directory, number=0, name="rabbit", names=None, peers=()):
        settings = [f"management.tcp.port = {MANAGEMENT + number}", "management.tcp.ip = 127.0.0.1"]
        settings += [f"listeners.tcp.local = 127.0.0.1:{CLIENTS + number}"]
        settings += ["cluster_formation.peer_discovery_backend = classic_config" for _ in peers[:1]]
        nodes = "cluster_formation.classic_config.nodes"
        settings += [f"{nodes}.{place + 1} = {peer}@localhost" for place, peer in enumerate(peers)]
        configuration, plugins = self.lab.home / f"rabbitmq-{number}.conf", self.lab.home / "plugins"
        configuration.write_text("\n".join(settings) + "\n")
        plugins.write_text("[rabbitmq_management].\n")
        environment = {
            "RABBITMQ_NODENAME": f"{name}@localhost",
            "RABBITMQ_MNESIA_BASE": str(directory),
            "RABBITMQ_CONFIG_FILE": str(configuration),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(plugins),
            "RABBITMQ_LOGS": "-",
            "RABBITMQ_LOG_BASE": str(self.lab.home),
            "RABBITMQ_DIST_PORT": str(PEERS + number),
            # A pod has a register of names of its own.
            "ERL_EPMD_PORT": str(names or NAMES + number),
            "ERL_EPMD_ADDRESS": "127.0.0.1",
        }
        return self.lab.start(self.id, [PROGRAM], environment)

    def call(self, number, method, path, body=None):
        return http(method, MANAGEMENT + number, f"/api/{path}", body, GUEST, seconds=60)

    def ready(self, number=0):
        return json.loads(self.call(number, "GET", "health/checks/local-alarms"))["status"] == "ok"

    def create(self, number=0):
        self.call(number, "PUT", "queues/%2F/numbers", {"durable": True})

    def writer(self, number=0):
        return Writer(lambda path, body: self.call(number, "POST", path, body))

    def numbers(self, number=0):
        queues = json.loads(self.call(number, "GET", "queues/%2F"))
        if not queues:
            return None
        wanted = {"count": 1_000_000, "ackmode": "ack_requeue_true", "encoding": "auto"}
        messages = json.loads(self.call(number, "POST", "queues/%2F/numbers/get", wanted))
        return {int(message["payload"]) for message in messages}

    def order(self, says):
        names = ["rabbit-0", "rabbit-1", "rabbit-2"]
        directories = [self.lab.directory("member") for _ in names]
        self.lab.start("epmd", ["epmd", "-port", NAMES, "-address", "127.0.0.1"])

        def member(number):
            return self.start(directories[number], number, names[number], NAMES, names)

        members = [member(number) for number in range(3)]
        for number, process in enumerate(members):
            process.await_(lambda: self.ready(number))
        size = sum(node["running"] for node in json.loads(self.call(0, "GET", "nodes")))
        if size != 3:
            raise RuntimeError(f"three members make a cluster of {size}")
        for process in members:
            process.kill()
        alone = member(0)
        waits = not came_up(alone, self.ready, 30)
        members = [member(number) for number in (1, 2)]
        took = alone.await_(self.ready)
        seen = "after all three were killed, the first alone "
        seen += f"waits for the others; with them it is up after {took:.0f} s" if waits else "comes up"
        yield self.ordering(says, seen, "parallel" if waits else "any")


class Writer:
    """Publishes a message."""

    def __init__(self, call):
        self._call = call

    def put(self, number):
        message = {"properties": {"delivery_mode": 2}, "routing_key": "numbers", "payload_encoding": "string"}
        message["payload"] = str(number)
        answer = json.loads(self._call("exchanges/%2F/amq.default/publish", message))
        if not answer["routed"]:
            raise ConnectionError("the queue has gone")

    def close(self):
        pass


SERVERS = {"rabbitmq": RabbitMq}
