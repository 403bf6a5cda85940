"""Kafka in KRaft mode, from Maven."""

import pathlib

from facts import Server, came_up
from lab import LineWriter, run

CLIENTS, CONTROLLERS = 9092, 9192
CLIENT = pathlib.Path(__file__).with_name("KafkaLines.java")
CLUSTER = "ZmFjdHMtYWJvdXQtZW5naQ"


class Kafka(Server):
    id = "kafka"
    # Confluent's: the only image whose layout the catalogue knows. The broker in it is this one.
    image = "cp-kafka"
    note = "one broker that is its controller too, `acks=all`"

    def __init__(self, lab):
        folder, version = lab.program("kafka")
        self.java = ["java", "-Xmx512m", "-cp", f"{folder}/jars/*"]
        super().__init__(lab, version, None)
        self._compiled = lab.directory("client")
        run("javac", "-cp", f"{folder}/jars/*", "-d", self._compiled, CLIENT)
        self.lines = ["java", "-Xmx256m", "-cp", f"{self._compiled}:{folder}/jars/*", "KafkaLines"]

    def configuration(self, directory, number, members):
        places = {members[0]: number} if len(members) == 1 else {member: member for member in members}
        voters = ",".join(f"{member}@127.0.0.1:{CONTROLLERS + place}" for member, place in places.items())
        settings = {
            "process.roles": "broker,controller",
            "node.id": members[0] if len(members) == 1 else number,
            "controller.quorum.voters": voters,
            "controller.listener.names": "CONTROLLER",
            "listeners": f"PLAINTEXT://127.0.0.1:{CLIENTS + number},CONTROLLER://127.0.0.1:{CONTROLLERS + number}",
            "offsets.topic.replication.factor": 1,
            "log.dirs": directory,
        }
        file = self.lab.home / f"kafka-{number}.properties"
        file.write_text("".join(f"{key}={value}\n" for key, value in settings.items()))
        return file

    def prepare(self, directory, number=0, members=(0,)):
        """As the image's entrypoint: formats what is not formatted."""
        file = self.configuration(directory, number, members)
        arguments = ["format", "--ignore-formatted", "-t", CLUSTER, "-c", file]
        self.lab.as_user(*self.java, "kafka.tools.StorageTool", *arguments)

    def start(self, directory, number=0, members=(0,)):
        return self.lab.start(self.id, [*self.java, "kafka.Kafka", self.configuration(directory, number, members)])

    def client(self, number, word):
        return [*self.lines, word, f"127.0.0.1:{CLIENTS + number}"]

    def ready(self, number=0):
        run(*self.client(number, "topics"))
        return True

    def create(self, number=0):
        run(*self.client(number, "create"))

    def writer(self, number=0):
        return LineWriter(self.client(number, "write"), "{0}", "{0}")

    def numbers(self, number=0):
        said = run(*self.client(number, "numbers"))
        return {int(line) for line in said.split() if line.isdigit()} or None

    def order(self, says):
        members = range(3)
        directories = [self.lab.directory("member") for _ in members]
        for number, directory in enumerate(directories):
            self.prepare(directory, number, members)
        first = self.start(directories[0], 0, members)
        waits = not came_up(first, self.ready, 25)
        self.start(directories[1], 1, members)
        took = first.await_(self.ready)
        seen = "the first of three alone serves nobody" if waits else "the first of three alone serves"
        seen += f"; with the second it does after {took:.0f} s"
        yield self.ordering(says, seen, "parallel" if waits else "any")


SERVERS = {"kafka": Kafka}
