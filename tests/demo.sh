#!/bin/bash
# Shows nss-nomad at work on this machine, which stays as it was: `sudo make demo`. It builds, then goes into mounts,
# processes and (without NOMAD_ADDR) a network of its own, installs there, and types what a person would type. Without
# NOMAD_ADDR it asks the stand-in agent of the tests. Exit status 1 where something did not work.
#
# SPDX-License-Identifier: MIT
set -uo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
self=$root/tests/demo.sh
failed=0

title()
{
	if [ -t 1 ]; then printf '\n\033[1m# %s\033[0m\n' "$*"; else printf '\n# %s\n' "$*"; fi
}

# type_in COMMAND [PATTERN]: shows the command and what it says; that must succeed, and hold the pattern.
type_in()
{
	local output status
	echo "\$ $1"
	output=$(sh -c "$1" 2>&1)
	status=$?
	printf '%s\n' "$output"
	if [ $# -gt 1 ] && ! grep -qE -- "$2" <<<"$output"; then
		echo ">>> this should have said: $2"
		failed=1
	elif [ $# -eq 1 ] && [ $status -ne 0 ]; then
		echo ">>> this ended with status $status"
		failed=1
	fi
}

# Waits up to 10 s until something listens.
wait_for_port()
{
	for ((i = 0; i < 200; i++)); do
		! (exec 3<>"/dev/tcp/$1/$2") 2>/dev/null || return 0
		sleep 0.05
	done
	echo "demo: nothing listens on $1 port $2" >&2
	exit 1
}

wait_for_file()
{
	for ((i = 0; i < 200; i++)); do
		[ ! -e "$1" ] || return 0
		sleep 0.05
	done
	cat "$2" >&2
	exit 1
}

# The private mounts, in the folder $1 which becomes a tmpfs: all that is installed and written is gone with them.
install_privately()
{
	local stage=$1/stage folder libraries
	mount -t tmpfs -o mode=755 tmpfs "$1"
	make -s -C "$root" install DESTDIR="$stage" PREFIX=/usr >/dev/null || exit 1
	libraries=/usr/lib/$(gcc -print-multiarch)
	for folder in "$libraries" /usr/bin /usr/sbin; do
		mount -t overlay -o lowerdir="$stage$folder:$folder" overlay "$folder" || exit 1
	done
	mkdir "$1/etc" "$1/work"
	mount -t overlay -o "lowerdir=$stage/etc:/etc,upperdir=$1/etc,workdir=$1/work" overlay /etc || exit 1
	mount -t tmpfs -o mode=755 tmpfs /var/cache
	cp -a "$stage/var/cache/nss-nomad" /var/cache/
	sed -i 's/^hosts:.*/hosts:          files nomad [!UNAVAIL=return] dns/' /etc/nsswitch.conf
}

# What the demo talks to: an agent where one is by default, a web server and an sshd on the addresses it gives.
start_services()
{
	local folder=$1
	ip link set lo up
	ip address add 198.51.100.1/32 dev lo # getaddrinfo leaves out families of which there is only loopback
	mount -t tmpfs -o mode=755 tmpfs /run
	mkdir -p /run/sshd "$folder/www"
	echo 'Hello from the service web.' >"$folder/www/index.html"
	(cd "$root" && exec python3 -B tests/standin --demo --port 4646 --no-control) >/dev/null &
	agent=$!
	python3 -m http.server --bind 127.0.0.1 --directory "$folder/www" 8081 >/dev/null 2>&1 &
	ssh-keygen -q -t ed25519 -N '' -f "$folder/key"
	sed -i 's/^root:[^:]*:/root:*:/' /etc/shadow # a locked root may not come in, by any key
	grep -q ^sshd: /etc/passwd || echo 'sshd:x:65533:65534::/run/sshd:/usr/sbin/nologin' >>/etc/passwd
	local parts=() unpacked=$root/build/unpacked
	[ ! -e "$unpacked/sshd-session" ] || parts+=(-o "SshdSessionPath=$unpacked/sshd-session")
	[ ! -e "$unpacked/sshd-auth" ] || parts+=(-o "SshdAuthPath=$unpacked/sshd-auth")
	"$unpacked/sshd" -D -f /dev/null -h "$folder/key" -o ListenAddress=127.0.0.4 "${parts[@]}" \
		-o AuthorizedKeysFile="$folder/key.pub" -o StrictModes=no -o PidFile=none 2>"$folder/sshd.log" &
	mkdir -p /etc/ssh/ssh_config.d
	printf '%s\n' 'Host *.nomad' "IdentityFile $folder/key" 'StrictHostKeyChecking no' 'LogLevel ERROR' \
		'UserKnownHostsFile /dev/null' >/etc/ssh/ssh_config.d/demo.conf
	wait_for_port 127.0.0.1 4646
	wait_for_port 127.0.0.1 8081
	wait_for_port 127.0.0.4 22
}

show_standin()
{
	title 'A Nomad agent (a stand-in) listens on its usual port and has these services'
	type_in 'curl -s http://127.0.0.1:4646/v1/service/redis | tr , "\n" | grep -E "Address|Port"' 25395
	title 'Every program resolves their names; this is all the set-up there is'
	type_in 'grep ^hosts /etc/nsswitch.conf' 'nomad \[!UNAVAIL=return\]'
	type_in 'getent hosts redis.default.nomad' '^127\.0\.0\.[12] +redis'
	type_in 'getent ahosts web.nomad' '127\.0\.0\.3'
	type_in 'curl -sS http://web.default.nomad:8081/' 'Hello from the service web'
	# shellcheck disable=SC2016 # for the other shell
	type_in 'ssh api.prod.nomad '\''echo "logged in at $SSH_CONNECTION"'\' 'logged in at .* 127\.0\.0\.4 22'
	title 'One instance alone: by a tag, or by its address'
	type_in 'getent hosts replica.redis.default.nomad' '^127\.0\.0\.2 '
	type_in 'getent hosts 127-0-0-1.redis.default.nomad' '^127\.0\.0\.1 '
	title 'Ports too, for those who ask'
	type_in 'nomad-lookup --srv redis.default.nomad' '10 10 23673 127-0-0-2\.redis\.default\.nomad'
	title 'A name that does not resolve, and why'
	type_in 'getent hosts reddis.default.nomad || echo "no such name"' '^no such name'
	type_in 'nomad-lookup --explain reddis.default.nomad' 'no such name'
	title 'The daemon is an extra: it follows all of the catalogue, as files for lookups and over DNS'
	echo '$ nomad-dns-srv &'
	nomad-dns-srv >"$1/daemon.log" 2>&1 &
	daemon=$!
	wait_for_file /run/nomad-dns-srv/alive "$1/daemon.log"
	wait_for_port 127.0.0.1 1053
	type_in 'ls /run/nomad-dns-srv/services/default' redis
	type_in 'nomad-dns-srv --status' 'services'
	type_in 'dig @127.0.0.1 -p 1053 redis.default.nomad SRV +noall +answer +additional' '23673 127-0-0-2\.redis'
	title 'Nomad goes away: with the daemon nobody notices'
	kill "$agent"
	wait "$agent" 2>/dev/null
	type_in 'getent hosts redis.default.nomad' '^127\.0\.0\.'
	type_in 'getent hosts six.default.nomad' '^::1 '
	title 'The daemon goes too: what was looked up goes on, the rest is a temporary failure, never "no such name"'
	kill "$daemon"
	wait "$daemon" 2>/dev/null
	type_in 'getent hosts redis.default.nomad' '^127\.0\.0\.'
	type_in "python3 -c 'import socket; socket.getaddrinfo(\"six.default.nomad\", 80)' 2>&1 | tail -1" 'Temporary failure'
	type_in 'nomad-lookup --explain six.default.nomad' 'cannot tell'
}

show_agent()
{
	local name
	name=$(curl -s ${NOMAD_TOKEN:+-H "X-Nomad-Token: $NOMAD_TOKEN"} \
		${NOMAD_CACERT:+--cacert "$NOMAD_CACERT"} "${NOMAD_ADDR%/}/v1/services?namespace=${NOMAD_NAMESPACE:-default}" |
		python3 -c 'import json, sys; print(json.load(sys.stdin)[0]["Services"][0]["ServiceName"])' 2>/dev/null)
	if [ -z "$name" ]; then
		echo "demo: $NOMAD_ADDR tells of no service in the namespace ${NOMAD_NAMESPACE:-default}:" \
			'start a job with provider = "nomad" in its service block, or set NOMAD_NAMESPACE, NOMAD_TOKEN' >&2
		exit 1
	fi
	title "The agent $NOMAD_ADDR has a service $name"
	type_in "getent hosts $name.${NOMAD_NAMESPACE:-default}.nomad" "$name"
	type_in "nomad-lookup --srv $name.${NOMAD_NAMESPACE:-default}.nomad"
	type_in "nomad-lookup --explain $name.${NOMAD_NAMESPACE:-default}.nomad" 'found'
}

if [ "${1-}" = --inside ]; then
	unset http_proxy https_proxy all_proxy HTTPS_PROXY ALL_PROXY # what curl asks for is here
	install_privately "$2"
	if [ -n "${NOMAD_ADDR-}" ]; then
		show_agent
	else
		unset "${!NOMAD_@}"
		start_services "$2"
		show_standin "$2"
	fi
	[ $failed -ne 0 ] || title 'All of it worked; the machine is as it was'
	[ $failed -eq 0 ] || title 'Something did not work, see >>>; the machine is as it was'
	exit $failed
fi

if [ "$(id -u)" -ne 0 ]; then
	echo 'demo: only root can have mounts of its own: sudo make demo' >&2
	exit 1
fi
"$root/tests/setup.sh" build demo || exit 1
"$root/tests/unpack.sh" "$root/build/unpacked" openssh-server sshd sshd-session sshd-auth
make -s -C "$root" -j"$(nproc)" all || exit 1
folder=$(mktemp -d)
trap 'rmdir "$folder"' EXIT
namespaces=(--mount --propagation private --pid --fork --kill-child --mount-proc)
[ -n "${NOMAD_ADDR-}" ] || namespaces+=(--net)
if ! unshare "${namespaces[@]}" true; then
	echo 'demo: this root may not unshare namespaces (a container without the right to?); nothing was changed' >&2
	exit 1
fi
unshare "${namespaces[@]}" "$self" --inside "$folder"
