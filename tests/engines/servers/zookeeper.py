"""ZooKeeper, from Debian."""

import pathlib
import re
import socket

from facts import Server, came_up
from lab import LineWriter, run

JAVA = ["java", "-cp", "/etc/zookeeper/conf_example:/usr/share/java/zookeeper.jar"]


class ZooKeeper(Server):
    id = "zookeeper"
    image = "zookeeper"

    def __init__(self, lab):
        version = next(pathlib.Path("/usr/share/java").glob("zookeeper-[0-9]*.jar")).stem.split("-")[1]
        super().__init__(lab, version, int(version.split(".")[0]))

    def start(self, directory, number=0, members=()):
        lines = [f"dataDir={directory}", f"clientPort={2181 + number}", "clientPortAddress=127.0.0.1"]
        lines += ["admin.enableServer=false"]
        lines += ["tickTime=1000", "initLimit=10", "syncLimit=5", "4lw.commands.whitelist=*"]
        lines += [f"server.{other + 1}=127.0.0.1:{2888 + other}:{3888 + other}" for other in members]
        configuration = self.lab.home / f"zoo-{number}.cfg"
        configuration.write_text("\n".join(lines) + "\n")
        log = ["-Dzookeeper.root.logger=INFO,CONSOLE", f"-Dzookeeper.log.dir={self.lab.home}"]
        main = "org.apache.zookeeper.server.quorum.QuorumPeerMain"
        return self.lab.start(self.id, [*JAVA, *log, main, configuration])

    def client(self, number, *words):
        return [*JAVA, "org.apache.zookeeper.ZooKeeperMain", "-server", f"127.0.0.1:{2181 + number}", *words]

    def ready(self, number=0):
        return four_letters(2181 + number, b"srvr").startswith(b"Zookeeper version")

    def writer(self, number=0):
        return LineWriter(self.client(number), f"create /n{{0}} {'x' * 100}", "Created /n{0}")

    def numbers(self, number=0):
        listed = re.findall(r"^\[(.*)\]$", run(*self.client(number, "ls", "/")), re.MULTILINE)[-1]
        return {int(name[1:]) for name in listed.split(", ") if name.startswith("n")} or None

    def order(self, says):
        directories = [self.lab.directory("member") for _ in range(3)]
        for number, directory in enumerate(directories):
            (directory / "myid").write_text(f"{number + 1}\n")
        first = self.start(directories[0], 0, range(3))
        waits = not came_up(first, self.ready, 20)
        self.start(directories[1], 1, range(3))
        took = first.await_(self.ready)
        seen = "the first of three alone serves nobody" if waits else "the first of three alone serves"
        seen += f"; with the second it does after {took:.0f} s"
        yield self.ordering(says, seen, "parallel" if waits else "any")


def four_letters(port, word):
    with socket.create_connection(("127.0.0.1", port), 5) as connection:
        connection.sendall(word)
        return connection.makefile("rb").read()


SERVERS = {"zookeeper": ZooKeeper}
