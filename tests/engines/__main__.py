"""Real database servers against the engine catalogue: `make engine-facts`.

Every server runs as plain processes, in namespaces of the run's own, so that nothing outlives it and no port is taken.
"""

import argparse
import json
import os
import pathlib
import subprocess
import sys
import time

import table
from lab import OWN, Lab, run
from servers import coredns, etcd, kafka, mariadb, minio, nats, postgresql, prometheus, rabbitmq, redis, zookeeper

FAMILIES = [postgresql, mariadb, redis, zookeeper, rabbitmq, etcd, nats, kafka, minio, prometheus, coredns]
MAKERS = {name: maker for family in FAMILIES for name, maker in family.SERVERS.items()}


def main():
    """Runs what was asked for; the exit code is 1 on a contradiction, 2 when a server cannot be tried."""
    parser = argparse.ArgumentParser(prog="tests/engines", description=__doc__)
    parser.add_argument("--catalogue", required=True, help="the program that prints the catalogue")
    parser.add_argument("--page", required=True, help="the page that the tables are written to")
    parser.add_argument("servers", nargs="*", help="the servers to try; all of them otherwise")
    asked = parser.parse_args()
    catalogue = json.loads(subprocess.run([asked.catalogue], check=True, stdout=subprocess.PIPE).stdout)
    run("ip", "link", "set", "lo", "up")
    run("ip", "address", "add", f"{OWN}/32", "dev", "lo")
    results = {name: tried(name, catalogue) for name in asked.servers or MAKERS}

    facts = [fact for result in results.values() if result for fact in result.facts]
    failed = sum(result is None for result in results.values())
    contradictions = sum(fact.agrees is False for fact in facts)
    print(f"{len(facts)} facts, {contradictions} contradictions, {failed} servers that could not be tried")
    if not failed and not contradictions:
        write(pathlib.Path(asked.page), results)
    return 2 if failed else int(contradictions > 0)


def tried(name, catalogue):
    """The result of one server; None when it could not be tried."""
    lab, begun, result = Lab(), time.monotonic(), None
    try:
        server, facts = MAKERS[name](lab), []
        for fact in server.facts(catalogue):
            facts.append(fact)
            print(table.line(fact), flush=True)
        result = table.Result(name, server.version, server.note, round(time.monotonic() - begun), facts)
    except Exception as error:
        print(f"FAILED {name}: {type(error).__name__}: {error} (logs: {lab.folder})", file=sys.stderr, flush=True)
    finally:
        lab.close(keep=result is None)
    return result


def write(page, results):
    """Writes the page when every server has a result, from this run or one before it on this machine."""
    kept = pathlib.Path(os.environ["STSGUARD_CACHE"], "engine-facts.json")
    known = table.load(kept.read_text()) if kept.exists() else {}
    known |= results
    kept.write_text(table.dump(known))
    missing = [name for name in MAKERS if name not in known]
    if missing:
        print(f"{page} is written when these have been tried too: {' '.join(missing)}")
    else:
        page.write_text(table.page([known[name] for name in MAKERS]))
        print(f"{page} is written")


if __name__ == "__main__":
    os.umask(0o022)
    sys.exit(main())
