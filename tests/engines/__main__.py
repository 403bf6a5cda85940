"""Real database servers against the engine catalogue: `make engine-facts`.

Every server runs as plain processes, in namespaces of the run's own, so that nothing outlives it and no port is taken.
"""

import argparse
import json
import os
import subprocess
import sys
import time

import table
from lab import OWN, Lab, run
from servers import coredns, etcd, kafka, mariadb, minio, nats, postgresql, prometheus, rabbitmq, redis, zookeeper

FAMILIES = [postgresql, mariadb, redis, zookeeper, rabbitmq, etcd, nats, kafka, minio, prometheus, coredns]


def main():
    """Runs what was asked for; the exit code is 1 on a contradiction, 2 when a server cannot be tried."""
    begun = time.monotonic()
    parser = argparse.ArgumentParser(prog="tests/engines", description=__doc__)
    parser.add_argument("--catalogue", required=True, help="the program that prints the catalogue")
    parser.add_argument("--page", help="the page that the tables are written to, if all is well")
    parser.add_argument("servers", nargs="*", help="the servers to try; all of them otherwise")
    asked = parser.parse_args()
    catalogue = json.loads(subprocess.run([asked.catalogue], check=True, stdout=subprocess.PIPE).stdout)
    run("ip", "link", "set", "lo", "up")
    run("ip", "address", "add", f"{OWN}/32", "dev", "lo")
    makers = {name: maker for family in FAMILIES for name, maker in family.SERVERS.items()}
    facts, failed, tried = [], [], []
    for name in asked.servers or makers:
        lab = Lab()
        try:
            server = makers[name](lab)
            tried.append(server)
            for fact in server.facts(catalogue):
                facts.append(fact)
                print(table.line(fact), flush=True)
        except Exception as error:
            failed.append(name)
            print(f"FAILED {name}: {type(error).__name__}: {error} (logs: {lab.folder})", file=sys.stderr, flush=True)
        finally:
            lab.close(keep=name in failed)
    contradictions = sum(fact.agrees is False for fact in facts)
    print(f"{len(facts)} facts, {contradictions} contradictions, {len(failed)} servers that could not be tried")
    if asked.page and not contradictions and not failed:
        table.write(asked.page, facts, tried, round((time.monotonic() - begun) / 60))
    return 2 if failed else int(contradictions > 0)


if __name__ == "__main__":
    os.umask(0o022)
    sys.exit(main())
