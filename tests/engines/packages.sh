#!/bin/sh
# packages.sh: makes sure that the servers which come from Debian are there; installs them where it may. Packages start
# their services when they are installed, unless a policy forbids it: there is one for that moment.
set -eu

policy=/usr/sbin/policy-rc.d
if [ "$(id -u)" = 0 ] && [ ! -e "$policy" ]; then
	printf '#!/bin/sh\nexit 101\n' >"$policy"
	chmod 755 "$policy"
	trap 'rm -f "$policy"' EXIT
fi
"$(dirname "$0")/../cluster/packages.sh" \
	'postgresql:/usr/lib/postgresql/*/bin/postgres' \
	mariadb-server:/usr/sbin/mariadbd \
	galera-4:/usr/lib/galera/libgalera_smm.so \
	rsync:/usr/bin/rsync \
	redis-server:/usr/bin/redis-server \
	zookeeper:/usr/share/zookeeper/bin/zkServer.sh \
	rabbitmq-server:/usr/lib/rabbitmq/bin/rabbitmq-server \
	e2fsprogs:/usr/sbin/mkfs.ext4
