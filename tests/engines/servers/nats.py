"""NATS with JetStream, from its Go module."""

import json
import socket
import uuid

from facts import Server, came_up
from lab import Refused, http

CLIENTS, MONITOR, PEERS = 4222, 8222, 6222


class Nats(Server):
    id = "nats"
    argument = "-sd"
    note = "a stream on files, acknowledged publishing"

    def __init__(self, lab):
        self.program, version = lab.program("nats-server")
        super().__init__(lab, version, int(version.split(".")[0]))

    def start(self, directory, number=0, members=()):
        arguments = ["-a", "127.0.0.1", "-p", CLIENTS + number, "-m", MONITOR + number, "-js", "-sd", directory]
        if members:
            routes = ",".join(f"nats://127.0.0.1:{PEERS + other}" for other in members)
            arguments += ["-n", f"nats-{number}", "--cluster_name", "shop"]
            arguments += ["--cluster", f"nats://127.0.0.1:{PEERS + number}"]
            arguments += ["--routes", routes]
        return self.lab.start(self.id, [self.program, *arguments])

    def ready(self, number=0):
        return json.loads(http("GET", MONITOR + number, "/healthz"))["status"] == "ok"

    def create(self, number=0):
        stream = {"name": "numbers", "subjects": ["numbers.*"], "storage": "file"}
        client = Client(CLIENTS + number)
        client.ask("$JS.API.STREAM.CREATE.numbers", json.dumps(stream))
        client.close()

    def writer(self, number=0):
        return Client(CLIENTS + number)

    def numbers(self, number=0):
        client = Client(CLIENTS + number)
        # One page, of 100,000 at the most: pages of a stream that has more may overlap.
        answer = json.loads(client.request("$JS.API.STREAM.INFO.numbers", json.dumps({"subjects_filter": ">"})))
        client.close()
        state = answer.get("state", {"messages": 0})
        found = {int(subject.split(".")[1]) for subject in state.get("subjects", {})}
        if len(found) != state["messages"]:
            raise Refused(f"it counts {state['messages']} messages and lists {len(found)}")
        return found or None

    def order(self, says):
        directories = [self.lab.directory("member") for _ in range(3)]
        first = self.start(directories[0], 0, range(3))
        waits = not came_up(first, self.ready, 20)
        server_only = json.loads(http("GET", MONITOR, "/healthz?js-server-only=true"))["status"] == "ok"
        for number in (1, 2):
            self.start(directories[number], number, range(3))
        took = first.await_(self.ready)
        seen = f"the first of three alone is {'not ' if waits else ''}healthy by `/healthz`, "
        seen += f"{'' if server_only else 'not '}healthy by `/healthz?js-server-only=true`"
        seen += f"; with the others it is by both after {took:.0f} s"
        yield self.ordering(says, seen, "any" if server_only or not waits else "parallel")


class Client:
    """The protocol of NATS, as far as the experiments go."""

    def __init__(self, port):
        self._socket = socket.create_connection(("127.0.0.1", port), 10)
        self._file = self._socket.makefile("rb")
        self._file.readline()
        # A subject of its own, or it would take other clients' answers for its own.
        self._answers = f"answers.{uuid.uuid4().hex}"
        self._socket.sendall(f'CONNECT {{"verbose":false,"pedantic":false}}\r\nSUB {self._answers} 1\r\n'.encode())

    def request(self, subject, body=""):
        """Publishes and waits for the answer."""
        body = body.encode()
        self._socket.sendall(f"PUB {subject} {self._answers} {len(body)}\r\n".encode() + body + b"\r\n")
        while line := self._file.readline():
            if line.startswith(b"PING"):
                self._socket.sendall(b"PONG\r\n")
            elif line.startswith(b"MSG"):
                return self._file.read(int(line.split()[-1]) + 2)[:-2]
            elif line.startswith(b"-ERR"):
                raise ValueError(line.decode().strip())
        raise ConnectionError("the server has gone")

    def ask(self, subject, body=""):
        """A request whose answer must not be an error."""
        answer = json.loads(self.request(subject, body))
        if "error" in answer:
            raise ValueError(answer["error"])

    def put(self, number):
        self.ask(f"numbers.{number}", "x" * 1000)

    def close(self):
        self._file.close()
        self._socket.close()


SERVERS = {"nats": Nats}
