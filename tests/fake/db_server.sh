#!/bin/bash
# db_server.sh postgres|mysql [--tls] [--port N]: a database server of Debian's, new, in a directory
# of its own, as a user without privilege. It says "ready SOCKET_DIR PORT" (the CA is
# SOCKET_DIR/ca.pem), takes "stop", "start" and "kill" on its input and answers each with "done",
# and goes with everything it made when its input ends.
# Exit 77: the server is not installed here.
set -euo pipefail
kind=$1 tls=false port=0
shift
while [ $# -gt 0 ]; do
        case $1 in
        --tls) tls=true ;;
        --port) port=$2; shift ;;
        *) echo "db_server.sh: $1?" >&2; exit 2 ;;
        esac
        shift
done

case $kind in
postgres)
        bin=$(find /usr/lib/postgresql -maxdepth 2 -name bin 2>/dev/null | sort -V | tail -1) || true
        [ -x "$bin/initdb" ] || { echo "initdb is not installed" >&2; exit 77; } ;;
mysql)
        PATH=$PATH:/usr/sbin
        command -v mariadbd mariadb-install-db >/dev/null || { echo "mariadbd is not installed" >&2; exit 77; } ;;
*) echo "db_server.sh: $kind?" >&2; exit 2 ;;
esac

dir=$(mktemp -d "/tmp/onebox-db-XXXXXX")
as=()
if [ "$(id -u)" -eq 0 ]; then
        chown nobody "$dir"
        as=(setpriv --reuid nobody --regid nogroup --clear-groups --pdeathsig KILL)
else
        as=(setpriv --pdeathsig KILL)
fi
chmod 0755 "$dir"
pid=

end() {
        # At once; but PostgreSQL gives its semaphores and memory of the system's back.
        [ -z "$pid" ] || kill "-$([ "$kind" = postgres ] && echo QUIT || echo KILL)" "$pid" 2>/dev/null || true
        [ -z "$pid" ] || wait "$pid" 2>/dev/null || true
        rm -rf "$dir"
}
trap end EXIT
trap 'exit 1' TERM INT HUP

# A port nobody has now, and below those the kernel gives to connections; the server does not say which it took.
free_port() {
        until python3 -c 'import random, socket; p = random.randrange(16000, 32000); socket.socket().bind(("127.0.0.1", p)); print(p)' 2>/dev/null; do :; done
}
[ "$port" -ne 0 ] || port=$(free_port)

# An authority and a certificate of it for 127.0.0.1 and localhost.
make_certificate() {
        cd "$dir"
        openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 3 -subj '/CN=test CA' \
                -addext basicConstraints=critical,CA:TRUE -keyout ca.key -out ca.pem
        openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj '/CN=localhost' -keyout server.key -out server.csr
        printf 'subjectAltName=DNS:localhost,IP:127.0.0.1\n' >ext
        openssl x509 -req -in server.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 3 -extfile ext -out server.pem
        if [ "$(id -u)" -eq 0 ]; then chown nobody server.key; fi
        chmod 0600 server.key
        cd /
}
if $tls; then make_certificate >"$dir/openssl.log" 2>&1 || { cat "$dir/openssl.log" >&2; exit 1; }; fi

make_postgres() {
        "${as[@]}" "$bin/initdb" -D "$dir/data" -U onebox --auth=trust -N -E UTF8 --locale=C.UTF-8
        cat >>"$dir/data/postgresql.conf" <<-END
		listen_addresses = '127.0.0.1'
		port = $port
		unix_socket_directories = '$dir'
		shared_buffers = 32MB
		dynamic_shared_memory_type = mmap
		fsync = off
		max_connections = 50
		END
        if $tls; then
                printf "ssl = on\nssl_cert_file = '%s/server.pem'\nssl_key_file = '%s/server.key'\n" "$dir" "$dir" >>"$dir/data/postgresql.conf"
                # a user that has to come encrypted, with a password
                printf 'local all all trust\nhostssl all secret 127.0.0.1/32 scram-sha-256\nhost all all 127.0.0.1/32 trust\n' >"$dir/data/pg_hba.conf"
        fi
}

make_mysql() {
        mariadb-install-db --no-defaults --datadir="$dir/data" --auth-root-authentication-method=normal \
                --skip-test-db --innodb-log-file-size=8M "${mysql_user[@]}"
}

mysql_user=()
if [ "$kind" = mysql ] && [ "$(id -u)" -eq 0 ]; then mysql_user=(--user=nobody); fi
"make_$kind" >"$dir/make.log" 2>&1 || { cat "$dir/make.log" >&2; exit 1; }

answers() {
        case $kind in
        postgres) "$bin/pg_isready" -q -h "$dir" -p "$port" ;;
        mysql) [ -S "$dir/mysql.sock" ] && mariadb --no-defaults -u root -S "$dir/mysql.sock" -e 'SELECT 1' >/dev/null 2>&1 ;;
        esac
}

start() {
        local options=() _
        case $kind in
        postgres) "${as[@]}" "$bin/postgres" -D "$dir/data" >>"$dir/log" 2>&1 </dev/null & ;;
        mysql)
                if $tls; then options=(--ssl-ca="$dir/ca.pem" --ssl-cert="$dir/server.pem" --ssl-key="$dir/server.key"); fi
                # no --user: the capability to change it is gone
                "${as[@]}" "$(command -v mariadbd)" --no-defaults --datadir="$dir/data" --socket="$dir/mysql.sock" \
                        --pid-file="$dir/pid" --port="$port" --bind-address=127.0.0.1 --innodb-flush-log-at-trx-commit=2 --innodb-flush-method=nosync --innodb-doublewrite=0 \
                        --innodb-buffer-pool-size=32M --innodb-log-file-size=8M --innodb-log-buffer-size=2M --skip-log-bin \
                        --performance-schema=OFF --character-set-server=utf8mb4 --collation-server=utf8mb4_general_ci \
                        "${options[@]}" >>"$dir/log" 2>&1 </dev/null & ;;
        esac
        pid=$!
        for _ in $(seq 600); do
                if answers; then return 0; fi
                kill -0 "$pid" 2>/dev/null || break
                sleep 0.1 # it has no way to say that it listens
        done
        tail -20 "$dir/log" >&2
        return 1
}

# Is it there, and more than an entry nobody has waited for yet?
lives() { # PID
        local state
        state=$(sed 's/.*) //; s/ .*//' "/proc/$1/stat" 2>/dev/null) && [ -n "$state" ] && [ "$state" != Z ]
}

halt() { # SIGNAL
        local children=() child
        # A session outlives its postmaster for a moment, and may answer one statement more.
        if [ "$1" = KILL ]; then mapfile -t children < <(pgrep -P "$pid"); fi
        kill "-$1" "$pid"
        wait "$pid" || true
        pid=
        for child in "${children[@]}"; do
                kill -KILL "$child" 2>/dev/null || true
                while lives "$child"; do sleep 0.01; done
        done
}

start
case $kind in
postgres)
        "$bin/psql" -q -h "$dir" -p "$port" -U onebox -d postgres -c 'CREATE DATABASE onebox' \
                -c "CREATE ROLE secret LOGIN SUPERUSER PASSWORD 'p@ss/w:rd'" >&2 ;;
mysql)
        mariadb --no-defaults -u root -S "$dir/mysql.sock" >&2 <<-'END'
		CREATE DATABASE onebox;
		CREATE USER onebox@localhost, onebox@'127.0.0.1';
		GRANT ALL ON *.* TO onebox@localhost, onebox@'127.0.0.1';
		CREATE USER secret@'%' IDENTIFIED BY 'p@ss/w:rd';
		GRANT ALL ON *.* TO secret@'%';
		END
        ;;
esac
echo "ready $dir $port"
while read -r word; do
        case $word in
        stop) if [ "$kind" = postgres ]; then halt INT; else halt TERM; fi ;;
        kill) halt KILL ;;
        start) start ;;
        esac
        echo "done"
done
