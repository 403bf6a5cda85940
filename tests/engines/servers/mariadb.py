"""MariaDB and Galera, from Debian."""

import re

from facts import Server, quoted
from lab import LineWriter, Refused, run

PORT, GALERA = 3306, 4567


class MariaDb(Server):
    id = "mariadb"
    image = "mariadb"
    argument = "--datadir="
    recovers = "Starting crash recovery"

    def __init__(self, lab):
        version = re.search(r"Ver ([\d.]+)", run("/usr/sbin/mariadbd", "--version"))[1]
        super().__init__(lab, version, int(version.split(".")[0]))

    def prepare(self, directory):
        """As the image's entrypoint: a database is there when the folder `mysql` is; else it makes one."""
        if not (directory / "mysql").is_dir():
            options = ["--auth-root-authentication-method=normal", "--skip-test-db", "--skip-log-bin"]
            self.lab.as_user("mariadb-install-db", "--no-defaults", f"--datadir={directory}", *options)

    def start(self, directory, number=0, more=()):
        arguments = ["--no-defaults", f"--datadir={directory}", "--bind-address=127.0.0.1", f"--port={PORT + number}"]
        files = [f"--socket={self.socket(number)}", f"--pid-file={self.lab.home}/mariadb-{number}.pid"]
        return self.lab.start(self.id, ["/usr/sbin/mariadbd", *arguments, *files, *more])

    def socket(self, number):
        return self.lab.home / f"mariadb-{number}.sock"

    def client(self, number):
        return ["mariadb", "--no-defaults", f"--socket={self.socket(number)}", "--user=root", "-nNB"]

    def ask(self, number, statement):
        return run(*self.client(number), "--execute", statement)

    def ready(self, number=0):
        self.ask(number, "SELECT 1")
        return True

    def create(self, number=0):
        self.ask(number, "CREATE DATABASE shop; CREATE TABLE shop.numbers (number int PRIMARY KEY, filling text)")

    def writer(self, number=0):
        line = "INSERT INTO shop.numbers VALUES ({0}, repeat('x', 1000)); SELECT {0};"
        return LineWriter(self.client(number), line, "{0}")

    def numbers(self, number=0):
        if "shop" not in self.ask(number, "SHOW DATABASES").split():
            return None
        return set(map(int, self.ask(number, "SELECT number FROM shop.numbers").split()))

    def order(self, says):
        """Galera: a member that is to join, before and after the cluster has been bootstrapped."""
        addresses = ",".join(f"127.0.0.1:{GALERA + number * 10}" for number in range(2))

        def member(directory, number, *more):
            galera = [
                "--binlog-format=ROW",
                "--innodb-autoinc-lock-mode=2",
                "--wsrep-on=ON",
                "--wsrep-provider=/usr/lib/galera/libgalera_smm.so",
                f"--wsrep-cluster-address=gcomm://{addresses}",
                "--wsrep-cluster-name=shop",
                "--wsrep-sst-method=rsync",
                f"--wsrep-sst-receive-address=127.0.0.1:{4444 + number * 10}",
                f"--wsrep-node-address=127.0.0.1:{GALERA + number * 10}",
                f"--wsrep-provider-options=base_port={GALERA + number * 10}"
                f";ist.recv_addr=127.0.0.1:{4568 + number * 10}",
            ]
            return self.start(directory, number, [*galera, *more])

        directories = [self.lab.directory("member") for _ in range(2)]
        for directory in directories:
            self.prepare(directory)
        members = [member(directory, number) for number, directory in enumerate(directories)]
        try:
            for number, process in enumerate(members):
                process.await_(lambda: self.synced(number), 60)
            refusal = None
        except Refused as refused:
            refusal = str(refused)
        self.lab.end_all()
        first = member(directories[0], 0, "--wsrep-new-cluster")
        first.await_(lambda: self.synced(0))
        second = member(directories[1], 1)
        took = second.await_(lambda: self.synced(1))
        seen = f"two at once, none bootstrapped: {quoted(refusal) if refusal else 'both come up'}; after the first has "
        seen += f"bootstrapped, the second joins in {took:.0f} s"
        yield self.ordering(says, seen, "ordered" if refusal else "any", "Galera")

    def synced(self, number):
        return "Synced" in self.ask(number, "SHOW STATUS LIKE 'wsrep_local_state_comment'")


SERVERS = {"mariadb": MariaDb}
