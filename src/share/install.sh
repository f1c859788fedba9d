#!/bin/sh
# Installs what was built, or removes it: src/share/install.sh install|uninstall. Called by make, with its variables in the
# environment: B, DESTDIR, PREFIX, LIBDIR, SYSCONFDIR, UNITDIR. debian/*.install says which package gets what.
#
# SPDX-License-Identifier: MIT
set -eu

doc=$PREFIX/share/doc
apparmor=$SYSCONFDIR/apparmor.d
nameservice=abstractions/nameservice.d

# MODE FOLDER FILE..., one list for both directions.
list()
{
	cat <<-END
		644 $LIBDIR $B/libnss_nomad.so.2
		755 $PREFIX/bin $B/nomad-lookup
		755 $PREFIX/sbin $B/nomad-dns-srv
		644 $SYSCONFDIR src/nss-nomad.conf
		644 $PREFIX/share/man/man1 docs/man/*.1
		644 $PREFIX/share/man/man5 docs/man/*.5
		644 $PREFIX/share/man/man8 docs/man/*.8
		644 $PREFIX/share/bash-completion/completions src/share/completions/bash/*
		644 $PREFIX/share/zsh/vendor-completions src/share/completions/zsh/*
		644 $UNITDIR src/share/systemd/*
		644 $PREFIX/lib/tmpfiles.d src/share/tmpfiles.d/*
		644 $PREFIX/lib/sysusers.d src/share/sysusers.d/*
		644 $apparmor src/share/apparmor.d/n*
		644 $apparmor/$nameservice src/share/apparmor.d/$nameservice/*
		644 $doc/libnss-nomad README.md CHANGELOG.md SECURITY.md nsswitch.conf.snippet docs/from-*.md docs/how-it-works.svg
		644 $doc/nomad-dns-srv docs/acl-tls.md docs/containers.md docs/dns.md docs/faq.md docs/grafana.json docs/alerts.yml
		644 $doc/nomad-dns-srv docs/nomad-job.md docs/other-distributions.md docs/scale.md
		644 $doc/nomad-dns-srv/examples docs/*.hcl
	END
}

# A configuration that is there stays. Units and profiles name the programs where PREFIX has them.
install_one()
{
	target=$DESTDIR$2/${3##*/}
	if [ ! -e "$3" ] || { [ "$2" = "$SYSCONFDIR" ] && [ -e "$target" ]; }; then
		return
	fi
	install -D -m "$1" "$3" "$target"
	case $3 in
	src/share/systemd/* | src/share/apparmor.d/*) sed -i "s|/usr/\(s\?bin/nomad-\)|$PREFIX/\1|g" "$target" ;;
	esac
}

uninstall_one()
{
	if [ "$2" != "$SYSCONFDIR" ]; then
		rm -f "$DESTDIR$2/${3##*/}"
	fi
}

cd "$(dirname "$0")/../.."
list | while read -r mode folder files; do
	for file in $files; do
		"$1_one" "$mode" "$folder" "$file"
	done
done

# A folder of the caches that is there stays, but for one that is not the installer's own: that is nothing to go on with.
make_folder()
{
	if [ -L "$2" ] || [ ! -d "$2" ] || [ ! -O "$2" ]; then
		rm -rf "$2"
	fi
	install -d -m "$1" "$2"
}

alias=$DESTDIR$PREFIX/share/man/man8/libnss_nomad.so.2.8
cache=$DESTDIR/var/cache/nss-nomad
if [ "$1" = install ]; then
	ln -sf nss-nomad.8 "$alias"
	make_folder 755 "$cache"
	make_folder 700 "$cache/root"
	make_folder 1777 "$cache/users"
else
	rm -f "$alias"
	rm -rf "$cache" "$DESTDIR$doc/libnss-nomad" "$DESTDIR$doc/nomad-dns-srv"
	echo "Left: $SYSCONFDIR/nss-nomad.conf, and nomad on the hosts line of /etc/nsswitch.conf. If the daemon still runs:"
	echo 'systemctl disable --now nomad-dns-srv; rm -rf /run/nomad-dns-srv'
fi
