#!/usr/bin/env bash
# make deb: a Debian package of this tree, for the release it is made on.
#
#   build-aux/make-deb.sh SOURCE BUILD VERSION      →  BUILD/onebox_VERSION_ARCH.deb
#
# Builds in BUILD/deb with the distribution's prefix; depends on the packages whose libraries the
# programs are linked with. Nothing is downloaded.
#
# What its scripts hold to: the first installation switches onebox on, in an image that does not run
# too; later the machine's owner decides. An upgrade restarts daemons, never tasks, nor mounts that
# tasks may be using. Removing stops everything. Purging forgets the configuration; what was
# recorded stays.
set -euo pipefail

source=$1 build=$2 version=$3
arch=$(dpkg --print-architecture)
work=$build/deb root=$build/deb/root
programs=()

# The packages of the libraries the programs name themselves, and of the one they load for their calls.
depends() {
        { objdump -p "${programs[@]}" | awk '$1 == "NEEDED" { print $2 }' && echo libcurl.so.4; } |
                sort -u | sed "s|^|*/$(cc -print-multiarch)/|" |
                xargs -r dpkg-query -S | cut -d: -f1 | sort -u | paste -sd, | sed 's/,/, /g'
}

control() {
        cat <<END
Package: onebox
Version: $version
Architecture: $arch
Maintainer: onebox
Section: science
Priority: optional
Installed-Size: $(du -sk "$root" | cut -f1)
Depends: $(depends), fuse3, init-system-helpers, systemd, tzdata
Recommends: python3-venv, openssh-server, libpq5, libmariadb3
Description: a whole ML platform on one Linux machine
 Pipelines on a schedule, experiment tracking that speaks MLflow's protocol, a model registry and
 model services, in C daemons under systemd, reached through SSH.
END
}

# Paths of the programs that are machine code: what is a script has nothing to strip, and no libraries.
machine_code() {
        local file
        find "$root/usr/bin" "$root/usr/sbin" "$root/usr/lib/onebox" -type f -perm -u+x | sort | while read -r file; do
                if [ "$(head -c 4 "$file" | tail -c 3)" = ELF ]; then echo "$file"; fi
        done
}

mkdir -p "$work/build"
rm -rf "$root"
if [ ! -e "$work/build/config.status" ]; then
        cd "$work/build"
        "$source/configure" -q --prefix=/usr --sysconfdir=/etc --localstatedir=/var --disable-werror CFLAGS='-O2 -g'
fi
make -C "$work/build" -s
make -C "$work/build" -s install "DESTDIR=$root" >/dev/null
mapfile -t programs < <(machine_code)
strip --strip-unneeded "${programs[@]}"
install -Dm644 "$source/LICENSE" "$root/usr/share/doc/onebox/copyright"

mkdir -p "$root/DEBIAN"
control >"$root/DEBIAN/control"
echo /etc/onebox/onebox.conf >"$root/DEBIAN/conffiles"
(cd "$root" && find . -path ./DEBIAN -prune -o -type f -printf '%P\0' | sort -z | xargs -0 md5sum) >"$root/DEBIAN/md5sums"
cat >"$root/DEBIAN/postinst" <<'END'
#!/bin/sh
set -e
[ "$1" = configure ] || exit 0
systemd-sysusers onebox.conf
systemd-tmpfiles --create onebox.conf || true
deb-systemd-helper unmask onebox.target >/dev/null || true
if deb-systemd-helper --quiet was-enabled onebox.target; then
        deb-systemd-helper enable onebox.target >/dev/null || true
else
        deb-systemd-helper update-state onebox.target >/dev/null || true
fi
if [ -d /run/systemd/system ]; then
        systemctl daemon-reload
        if [ -n "$2" ]; then
                for daemon in scheduler launcher tracking web bucketd logship night 'serving@*' 'sqlproxy@*'; do
                        systemctl try-restart "onebox-$daemon.service" || true
                done
        fi
        if systemctl is-enabled --quiet onebox.target; then
                systemctl start onebox.target || true
        fi
fi
END
cat >"$root/DEBIAN/prerm" <<'END'
#!/bin/sh
set -e
if [ "$1" = remove ] && [ -d /run/systemd/system ]; then
        systemctl stop onebox.target 'onebox-*.path' 'onebox-*.timer' 'onebox-*.socket' || true
        systemctl stop 'onebox-*.service' onebox-tasks.slice onebox.slice || true
fi
END
cat >"$root/DEBIAN/postrm" <<'END'
#!/bin/sh
set -e
case "$1" in
remove)
        deb-systemd-helper mask onebox.target >/dev/null || true
        rm -rf /run/onebox
        ;;
purge)
        deb-systemd-helper purge onebox.target >/dev/null || true
        deb-systemd-helper unmask onebox.target >/dev/null || true
        for left in /etc/onebox /var/lib/onebox; do
                if [ -d "$left" ]; then
                        find "$left" -depth -type d -empty -delete
                        [ ! -d "$left" ] || echo "onebox: $left is kept: remove it when nobody needs it any more"
                fi
        done
        ;;
esac
if [ -d /run/systemd/system ]; then systemctl daemon-reload || true; fi
END
chmod 755 "$root/DEBIAN/postinst" "$root/DEBIAN/prerm" "$root/DEBIAN/postrm"
dpkg-deb --root-owner-group --build "$root" "$build/onebox_${version}_$arch.deb"
