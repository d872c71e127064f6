#!/usr/bin/env bash
# make deb: a Debian package of this tree, for the release it is made on.
#
#   build-aux/make-deb.sh SOURCE BUILD VERSION      →  BUILD/onebox_VERSION_ARCH.deb
#
# Builds in BUILD/deb with the distribution's prefix; depends on the packages whose libraries the
# programs are linked with. Nothing is downloaded.
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
Depends: $(depends), fuse3, systemd, tzdata
Recommends: python3-venv, openssh-server, libpq5, libmariadb3
Description: a whole ML platform on one Linux machine
 Pipelines on a schedule, experiment tracking that speaks MLflow's protocol, a model registry and
 model services, in C daemons under systemd, reached through SSH.
END
}

mkdir -p "$work/build"
rm -rf "$root"
if [ ! -e "$work/build/config.status" ]; then
        cd "$work/build"
        "$source/configure" -q --prefix=/usr --sysconfdir=/etc --localstatedir=/var --disable-werror CFLAGS='-O2 -g'
fi
make -C "$work/build" -s
make -C "$work/build" -s install "DESTDIR=$root" >/dev/null
mapfile -t programs < <(find "$root/usr/bin" "$root/usr/lib/onebox" -type f -perm -u+x)
strip --strip-unneeded "${programs[@]}"

mkdir -p "$root/DEBIAN"
control >"$root/DEBIAN/control"
echo /etc/onebox/onebox.conf >"$root/DEBIAN/conffiles"
cat >"$root/DEBIAN/postinst" <<'END'
#!/bin/sh
set -e
systemd-sysusers onebox.conf
systemd-tmpfiles --create onebox.conf || true
if [ -d /run/systemd/system ]; then
        systemctl daemon-reload
        systemctl preset onebox.target onebox-services.path
        if [ -n "$2" ]; then systemctl try-restart 'onebox-*.service'; fi
        systemctl start onebox.target || true
fi
END
cat >"$root/DEBIAN/prerm" <<'END'
#!/bin/sh
set -e
if [ "$1" = remove ] && [ -d /run/systemd/system ]; then
        systemctl disable --now onebox.target onebox-services.path || true
        systemctl stop 'onebox-*.socket' 'onebox-*.service' || true
fi
END
chmod 755 "$root/DEBIAN/postinst" "$root/DEBIAN/prerm"
dpkg-deb --root-owner-group --build "$root" "$build/onebox_${version}_$arch.deb"
