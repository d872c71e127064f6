"""Real databases through the Cloud SQL proxy, with the clients people use; then a soak of broken certificates."""

import os
import shutil
import signal
import subprocess

import pytest
import sqlalchemy

import sqlproxy_box as box
import sqlproxy_conformance
import sqlproxy_soak
from cloudsql_db import DATABASE, PASSWORD, USER, find
from daemon_test import until
from test_tracking_interop import read, write
from tracking_test import Tracking

PROGRAM = os.environ.get("ONEBOX_PEER_SQLPROXY") or sqlproxy_conformance.ours()
SOAK_SECONDS = float(os.environ.get("ONEBOX_SOAK_SECONDS", "40"))

pytestmark = pytest.mark.skipif(not find("postgres", "/usr/lib/postgresql/*/bin") or not find("mariadbd", "/usr/sbin"),
                                reason="PostgreSQL and MariaDB are not installed")


@pytest.fixture(scope="module")
def place():
    with box.cloudsql.Cloud() as cloud:
        desk = box.Desk(cloud, PROGRAM)
        try:
            desk.pg = cloud.add_database(f"shop{desk.number}:europe-west1:pg", "postgres")
            desk.my = cloud.add_database(f"shop{desk.number}:europe-west1:my", "mariadb")
            desk.up(f"{desk.pg.name}?port=5432", f"{desk.my.name}?port=3309", f"{desk.pg.name}?unix-socket={desk.dir}")
            yield desk
        finally:
            desk.close()


def run(argv, **more):
    out = subprocess.run(argv, capture_output=True, text=True, timeout=120, check=False,
                         env={**os.environ, "PGPASSWORD": PASSWORD, "MYSQL_PWD": PASSWORD, **more.pop("env", {})}, **more)
    assert out.returncode == 0, out.stderr[-2000:]
    return out.stdout


def psql(place, *args, host=None):
    return run([find("psql", "/usr/lib/postgresql/*/bin"), "-h", host or place.address, "-p", "5432", "-U", USER, "-v", "ON_ERROR_STOP=1", "-Atq",
                *args, DATABASE])


def mysql(place, *args, **more):
    return run([shutil.which("mysql") or "mariadb", "--no-defaults", f"--host={place.address}", "--port=3309", "-u", USER, "-BN", *args, DATABASE], **more)


def test_mysql_client(place):
    assert mysql(place, "-e", "SELECT 6 * 7").split() == ["42"]


def test_psql(place):
    assert psql(place, "-c", "SELECT 6 * 7").split() == ["42"]


def test_psql_by_unix_socket(place):
    assert psql(place, "-c", "SELECT 6 * 7", host=f"{place.dir}/{place.pg.name}").split() == ["42"]


def test_copy_both_ways(place, tmp_path):
    """20 MiB in, the same 20 MiB out."""
    rows = "".join(f"{n}\t{'row ' * 50}{n * 7919 % 10007}\n" for n in range(90000))
    (tmp_path / "in").write_text(rows)
    psql(place, "-c", "CREATE TABLE copied(n int, text text)", "-c", f"\\copy copied from '{tmp_path}/in'",
         "-c", f"\\copy (select * from copied order by n) to '{tmp_path}/out'")
    assert (tmp_path / "out").read_text() == rows


def test_mysql_big_blobs(place):
    sql = "CREATE TABLE blobs(n int, data longblob);" + "".join(f"INSERT INTO blobs VALUES({n}, REPEAT('{n}', 2000000));" for n in range(5))
    mysql(place, input=sql)
    got = mysql(place, "--quick", "-e", "SELECT data FROM blobs ORDER BY n").split()
    assert [(len(row), row[:1]) for row in got] == [(2000000, str(n)) for n in range(5)]


def test_pgbench_keeps_the_books(place):
    """TPC-B through the proxy: every sum agrees afterwards."""
    pgbench = find("pgbench", "/usr/lib/postgresql/*/bin")
    common = ["-h", place.address, "-p", "5432", "-U", USER]
    run([pgbench, *common, "-i", "-q", "-s", "2", DATABASE])
    out = run([pgbench, *common, "-c", "4", "-j", "2", "-t", "150", "-n", DATABASE])
    assert "number of failed transactions: 0" in out and "600/600" in out, out
    sums = psql(place, "-c", "SELECT (SELECT sum(abalance) FROM pgbench_accounts), (SELECT sum(bbalance) FROM pgbench_branches), "
                "(SELECT sum(tbalance) FROM pgbench_tellers), (SELECT sum(delta) FROM pgbench_history)").strip().split("|")
    assert len(set(sums)) == 1, sums


def test_pgbench_a_connection_for_each_transaction(place):
    pgbench = find("pgbench", "/usr/lib/postgresql/*/bin")
    out = run([pgbench, "-h", place.address, "-p", "5432", "-U", USER, "-C", "-S", "-c", "4", "-t", "25", "-n", DATABASE])
    assert "100/100" in out, out


def test_a_running_query_is_cancelled(place):
    """psql's ctrl-C comes by another connection; it must reach the same server."""
    p = subprocess.Popen([find("psql", "/usr/lib/postgresql/*/bin"), "-h", place.address, "-p", "5432", "-U", USER, "-Atqc", "SELECT pg_sleep(60)",
                          DATABASE], stderr=subprocess.PIPE, text=True, env={**os.environ, "PGPASSWORD": PASSWORD})
    asleep = "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep'"
    box.wait_for(lambda: place.cloud.database("postgres").sql(asleep) == "1", "the query to run")
    p.send_signal(signal.SIGINT)
    assert "canceling statement due to user request" in p.communicate(timeout=30)[1]


def engines(place):
    quoted = PASSWORD.replace(" ", "%20")
    return {"postgres": f"postgresql+psycopg2://{USER}:{quoted}@{place.address}:5432/{DATABASE}",
            "mariadb": f"mysql+pymysql://{USER}:{quoted}@{place.address}:3309/{DATABASE}"}


@pytest.mark.parametrize("kind", ["postgres", "mariadb"])
def test_sqlalchemy(place, kind):
    engine = sqlalchemy.create_engine(engines(place)[kind], pool_size=5)
    table = sqlalchemy.Table("things", sqlalchemy.MetaData(), sqlalchemy.Column("id", sqlalchemy.Integer, primary_key=True),
                             sqlalchemy.Column("name", sqlalchemy.String(100)))
    table.metadata.create_all(engine)
    with engine.begin() as c:
        c.execute(table.insert(), [{"id": n, "name": f"thing ü {n}"} for n in range(1, 1001)])
    with engine.connect() as c:
        rows = c.execute(sqlalchemy.select(table).order_by(table.c.id)).fetchall()
    assert [tuple(r) for r in rows] == [(n, f"thing ü {n}") for n in range(1, 1001)]
    with pytest.raises(ZeroDivisionError), engine.begin() as c:
        c.execute(table.delete())
        raise ZeroDivisionError
    with engine.connect() as c:
        assert c.execute(sqlalchemy.select(sqlalchemy.func.count()).select_from(table)).scalar() == 1000
    table.metadata.drop_all(engine)
    engine.dispose()


@pytest.mark.parametrize("kind", ["postgres", "mariadb"])
def test_our_tracking_server(place, kind):
    """Its database behind the proxy: written, read again, and still there when every connection broke and the CA is another."""
    instance = place.pg if kind == "postgres" else place.my
    owner = f" OWNER {USER}" if kind == "postgres" else f"; GRANT ALL ON tracking.* TO {USER}"
    place.cloud.database(kind).sql("CREATE DATABASE tracking" + owner)
    with Tracking("--backend-store-uri", engines(place)[kind].rpartition("/")[0] + "/tracking") as t:
        ids = write(t.port, "ours")
        told = read(t.port, "ours", *ids)
        instance.rotate_server_ca()
        instance.cut_all()
        until(lambda: answers(t), "the tracking server to answer again")
        assert read(t.port, "ours", *ids) == told
        assert told["search"]["runs"][0]["data"]["params"] == [{"key": "p", "value": "1"}]


def answers(t):
    return t.ask("POST", "experiments/search", {"max_results": 1}).status == 200


def test_soak():
    """Certificates of seconds, rotations, fail-overs, cuts, an API with moods: no wrong answer, nothing stuck, nothing leaked.
    What it shows depends on how much broke and how many certificates came and went, not on how long it took."""
    got = sqlproxy_soak.soak(PROGRAM, SOAK_SECONDS, int(os.environ.get("ONEBOX_SEED", "6")), 120)
    assert got["answers"] > 50 and got["faults"] >= 120 and got["kinds"] == len(sqlproxy_soak.Soak.FAULTS), got
    assert got["certificates"] > 4 * 4, got
    print(got)
