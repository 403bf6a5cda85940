"""How facts are shown: a line on the terminal, and the page docs/engines.md."""

import dataclasses
import datetime
import json

from facts import KILL, LOST_AND_FOUND, MOVED, NAMES, ORDER, SHARED, STOP, Fact

VERDICTS = {True: "agrees", False: "CONTRADICTS", None: "-"}

HEAD = """\
# Engines, tried

What stsguard says of database servers, beside what real ones do. `make engine-facts` starts them as plain processes and
fails when the catalogue is contradicted; it wrote this page on {date}. It takes about {minutes} minutes and needs
Debian, root, Go, Maven and a JDK. `make engine-facts SERVERS="redis etcd"` tries only those.

Not tried: MySQL, Percona Server, MongoDB, ScyllaDB, CockroachDB, YugabyteDB and ClickHouse Keeper, since no current
server of theirs comes from Debian, a Go module or Maven; Consul and Vault, whose Go modules only build inside their
repositories; Cassandra, Elasticsearch, OpenSearch, ClickHouse, Neo4j, InfluxDB; and what images add to their servers.
What the catalogue says of those rests on the sources that `src/engines/catalogue` names.
"""

SECTIONS = {
    LOST_AND_FOUND: """
A file system that was just made holds one directory, `lost+found`. Each server is given such a volume as its data
directory, twice: with a `lost+found` that only root may read, and with one that is its own.
""",
    MOVED: """
Fifty entries, a stop, and a start on another, empty directory: what STS202 denies.
""",
    STOP: """
Four clients write, each waiting for its acknowledgement, and after some seconds the server is sent what its image tells
the runtime to send. These databases are small and their disks were idle: a time above the floor would contradict it, a
time below does not prove it.
""",
    KILL: """
The same with SIGKILL, as at the end of a grace period. The machine stays up, so what the kernel had taken is safe: this
says nothing of a power cut.
""",
    SHARED: """
Two pods of one node on one volume, each in a process namespace of its own, as when a pod is removed without waiting for
its process (STS302). Where both run, both are written to, stopped, and one is started again.
""",
    ORDER: """
What a member does while the others are not there: `ordered` engines need the first before the second, `parallel` ones
need each other, so that a StatefulSet which waits for the first to be ready would wait for ever. `any` is neither.
""",
    NAMES: """
CoreDNS {coredns} with its plugin `kubernetes`, and a real control plane. For each kind of governing Service a
StatefulSet of two; asked for the Service's name, for pod 0's, and for the SRV records of the port.
""",
}


def line(fact):
    """One fact on the terminal."""
    return f"{VERDICTS[fact.agrees]:11} {fact.server} | {fact.question} | {fact.seen} | catalogue: {fact.says}"


@dataclasses.dataclass
class Result:
    """What one server has shown."""

    name: str
    version: str
    note: str
    seconds: int
    facts: list[Fact]


def dump(results):
    """Results by name, as JSON."""
    return json.dumps({name: dataclasses.asdict(result) for name, result in results.items()}, indent=1)


def load(text):
    """Results by name, from what `dump` gave."""
    entries = json.loads(text).values()
    results = [Result(**{**entry, "facts": [Fact(**fact) for fact in entry["facts"]]}) for entry in entries]
    return {result.name: result for result in results}


def page(results):
    """The page: a table for each question."""
    coredns = next(result.version for result in results if result.name == "coredns")
    facts = [fact for result in results for fact in result.facts]
    minutes = round(sum(result.seconds for result in results) / 60)
    text = HEAD.format(date=datetime.date.today(), minutes=minutes)
    for question, introduction in SECTIONS.items():
        text += f"\n## {question}\n{introduction.format(coredns=coredns)}\n"
        text += "| | Seen | stsguard says |\n| --- | --- | --- |\n"
        rows = [fact for fact in facts if fact.question == question]
        text += "".join(f"| {fact.server} | {fact.seen} | {fact.says} |\n" for fact in rows)
    notes = "".join(f"- {result.name}: {result.note}.\n" for result in results if result.note)
    return f"{text}\n## Set up\n\nAs they come, but for:\n\n{notes}"
