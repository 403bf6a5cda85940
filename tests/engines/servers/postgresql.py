"""PostgreSQL, from Debian."""

import pathlib
import signal

from facts import Server, quoted
from lab import LineWriter, Refused, run



class PostgreSql(Server):
    id = "postgresql"
    image = "postgres"
    argument = "-D"
    # The image's STOPSIGNAL: a fast shutdown. SIGTERM would wait for the clients.
    stop_signal = signal.SIGINT
    recovers = "was not properly shut down"

    def __init__(self, lab):
        installed = pathlib.Path("/usr/lib/postgresql").glob("*/bin/postgres")
        programs = sorted(installed, key=lambda path: int(path.parts[4]))
        self.programs = programs[-1].parent
        version = run(programs[-1], "--version").split()[2]
        self.server = self.programs
        super().__init__(lab, version, int(version.split(".")[0]))

    def prepare(self, directory):
        """As the image's entrypoint: a database is there when PG_VERSION is; else `initdb` makes one."""
        version = directory / "PG_VERSION"
        if not version.exists() or version.stat().st_size == 0:
            self.lab.as_user(self.server / "initdb", "-D", directory, "-U", "postgres", "--auth=trust")

    def start(self, directory, number=0):
        arguments = ["-D", directory, "-p", 5432 + number, "-h", "127.0.0.1", "-k", ""]
        return self.lab.start(self.id, [self.server / "postgres", *arguments])

    def client(self, number, *arguments):
        return [self.programs / "psql", "-h", "127.0.0.1", "-p", 5432 + number, "-U", "postgres", "-XqAt", *arguments]

    def ready(self, number=0):
        run(self.programs / "pg_isready", "-q", "-h", "127.0.0.1", "-p", 5432 + number)
        return True

    def create(self, number=0):
        run(*self.client(number, "-c", "CREATE TABLE numbers (number int, filling text)"))

    def writer(self, number=0):
        line = "INSERT INTO numbers VALUES ({0}, repeat('x', 1000)); SELECT {0};"
        return LineWriter(self.client(number, "-v", "ON_ERROR_STOP=1"), line, "{0}")

    def numbers(self, number=0):
        if run(*self.client(number, "-c", "SELECT to_regclass('numbers')")).strip() == "":
            return None
        return set(map(int, run(*self.client(number, "-c", "SELECT number FROM numbers")).split()))

    def order(self, says):
        """Two members at once: what a replica needs, and what two that initialise themselves are."""
        try:
            copy = self.lab.directory("copy")
            program = self.programs / "pg_basebackup"
            self.lab.as_user(program, "-D", copy, "-h", "127.0.0.1", "-p", 5432, "-U", "postgres", "-R")
            refusal = None
        except Refused as refused:
            refusal = quoted(str(refused))
        identifiers = set()
        for _ in range(2):
            directory = self.lab.directory("member")
            self.prepare(directory)
            control = self.lab.as_user(self.programs / "pg_controldata", directory)
            identifiers.add(next(line for line in control.splitlines() if "system identifier" in line))
        seen = f"a replica copies from the first and fails without it: {refusal}; two that initialise themselves are "
        seen += "two databases (different system identifiers)" if len(identifiers) == 2 else "one database"
        ordered = refusal is not None and len(identifiers) == 2
        yield self.ordering(says, seen, "ordered" if ordered else "any")


class PostgreSql18(PostgreSql):
    """A newer server than Debian's, from Maven: the server alone, so the clients stay Debian's."""

    def __init__(self, lab):
        super().__init__(lab)
        folder, version = lab.program("postgresql")
        self.server = pathlib.Path(folder, "bin")
        self.version, self.major = version.removesuffix(".0"), int(version.split(".")[0])

    def order(self, says):
        """Copying is the clients' part, and theirs is older."""
        return []


SERVERS = {"postgresql": PostgreSql, "postgresql-18": PostgreSql18}
