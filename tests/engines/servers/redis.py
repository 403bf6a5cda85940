"""Redis, from Debian."""

import re
import socket
import time

from facts import Server
from lab import run

PORT = 6379


class Redis(Server):
    id = "redis"
    image = "redis"
    argument = "--dir"
    note = "with `--appendonly yes`, flushed every second"

    def __init__(self, lab):
        version = re.search(r"v=([\d.]+)", run("redis-server", "--version"))[1]
        super().__init__(lab, version, int(version.split(".")[0]))

    def start(self, directory, number=0, more=("--appendonly", "yes")):
        arguments = ["--dir", directory, "--port", PORT + number, "--bind", "127.0.0.1"]
        return self.lab.start(self.id, ["redis-server", *arguments, *more])

    def ready(self, number=0):
        return self.ask(number, "PING") == "PONG"

    def ask(self, number, *words):
        writer = self.writer(number)
        try:
            return writer.ask(*words)
        finally:
            writer.close()

    def writer(self, number=0):
        return Client(PORT + number)

    def numbers(self, number=0):
        return {int(key) for key in self.ask(number, "KEYS", "*")} or None

    def order(self, says):
        """A cluster of three that was stopped whole: its first member alone."""
        cluster = ("--cluster-enabled", "yes", "--cluster-node-timeout", "2000", "--appendonly", "yes")
        directories = [self.lab.directory("member") for _ in range(3)]
        for number, directory in enumerate(directories):
            self.start(directory, number, cluster).await_(lambda: self.ready(number))
        addresses = [f"127.0.0.1:{PORT + number}" for number in range(3)]
        run("redis-cli", "--cluster", "create", *addresses, "--cluster-yes")
        self.lab.end_all()
        alone = self.start(directories[0], 0, cluster)
        alone.await_(lambda: self.ready(0))
        # It knows that the others are gone when their time is up; before, it says what it said last.
        time.sleep(8)
        waits = not self.cluster_ok()
        for number in (1, 2):
            self.start(directories[number], number, cluster)
        took = alone.await_(self.cluster_ok)
        seen = "the first alone answers PING, and its cluster stays down" if waits else "the first alone serves"
        seen += f"; with the others it is up after {took:.0f} s"
        # The catalogue's word for Redis is about one that stands alone; `cluster-enabled` makes it parallel, in code.
        yield self.ordering({**says, "startUp": "parallel"}, seen, "parallel" if waits else "any", "Redis Cluster")

    def cluster_ok(self):
        return "cluster_state:ok" in self.ask(0, "CLUSTER", "INFO")


class Client:
    """The protocol of Redis, as far as the experiments go."""

    def __init__(self, port):
        self._socket = socket.create_connection(("127.0.0.1", port), 5)
        self._file = self._socket.makefile("rb")

    def ask(self, *words):
        encoded = [str(word).encode() for word in words]
        frame = b"".join(b"$%d\r\n%s\r\n" % (len(word), word) for word in encoded)
        self._socket.sendall(b"*%d\r\n%s" % (len(encoded), frame))
        return self._answer()

    def _answer(self):
        line = self._file.readline()
        if not line:
            raise ConnectionError("the server has gone")
        kind, rest = line[:1], line[1:].strip().decode()
        if kind == b"-":
            raise ValueError(rest)
        if kind == b"$":
            return self._file.read(int(rest) + 2)[:-2].decode() if int(rest) >= 0 else None
        if kind == b"*":
            return [self._answer() for _ in range(int(rest))]
        return rest

    def put(self, number):
        self.ask("SET", number, "x" * 1000)

    def close(self):
        self._file.close()
        self._socket.close()


SERVERS = {"redis": Redis}
