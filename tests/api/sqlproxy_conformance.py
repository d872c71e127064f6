#!/usr/bin/env python3
"""The black-box conformance run of a Cloud SQL proxy.

  sqlproxy_conformance.py [--proxy PROGRAM] [--google] [--only WORDS] [--list] [-v]

--google: PROGRAM is cloud-sql-proxy 2.27: what is known to differ (DEFECTS) is expected to fail, and is said to."""

import argparse
import os
import sys

import sqlproxy_api  # noqa: F401 # each puts its checks into the list
import sqlproxy_box
import sqlproxy_clock  # noqa: F401
import sqlproxy_data  # noqa: F401
import sqlproxy_identity  # noqa: F401
import sqlproxy_listen  # noqa: F401
import sqlproxy_process  # noqa: F401
import sqlproxy_systemd  # noqa: F401
import sqlproxy_usage  # noqa: F401
import sqlproxy_verify  # noqa: F401

# What cloud-sql-proxy 2.27.0 is known to fail: eight defects, and the checks that meet them.
DEFECTS = {
    "unix: a stale socket after kill -9 is replaced": "1 stale socket",
    "ends: half-close: all that was asked is answered after the client's end": "2 half-close",
    "ends: half-close the other way: the client may write after the instance's end": "2 half-close",
    "ends: half-close of a Unix socket's client": "2 half-close",
    "MDX: half-close": "2 half-close",
    "change: 40 failing clients do not make 40 rounds of API calls": "3 API calls without end",
    "IAM: --token with --login-token: many connections, none of them waits": "4 a login token without an end counts as ended",
    "IAM: ?auto-iam-authn for one instance gives the token to no other": "5 login token for everybody",
    "health: readiness tells of a dead instance": "6 readiness knows nothing of the instances",
    "limits: without descriptors it waits, and goes on when there are some": "7 EMFILE ends it",
    "start: without a port, it waits for an API that is away and then serves": "8 no API at boot ends it",
}


def ours():
    top = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    build = os.environ.get("ONEBOX_BUILD_DIR") or os.path.join(top, "build", "check")
    return os.path.join(build, "daemons/sqlproxy/onebox-sqlproxy")


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--proxy", default=ours())
    p.add_argument("--google", action="store_true")
    p.add_argument("--only", default="")
    p.add_argument("--list", action="store_true")
    p.add_argument("-v", action="store_true")
    p.add_argument("-j", type=int, default=12)
    args = p.parse_args()
    chosen = [c for c in sqlproxy_box.CHECKS if args.only.lower() in c.title.lower() and not (args.google and c.ours)]
    titles = [c.title for c in sqlproxy_box.CHECKS]
    assert len(set(titles)) == len(titles), [t for t in titles if titles.count(t) > 1]
    if args.list:
        print("\n".join(c.title for c in chosen))
        return 0

    def said(r):
        known = args.google and r.title in DEFECTS
        if r.outcome != "passed" or args.v or known:
            print(f"{r.outcome:8} {r.seconds:5.1f} s  {r.title}{'  (known: ' + DEFECTS[r.title] + ')' if known else ''}"
                  f"{chr(10) + '    ' + r.why.replace(chr(10), chr(10) + '    ') if r.why and not known else ''}", flush=True)
    results = sqlproxy_box.run_all(args.proxy, chosen, args.j, said)
    count = {o: sum(r.outcome == o for r in results) for o in ("passed", "failed", "skipped")}
    known = sum(args.google and r.title in DEFECTS and r.outcome == "failed" for r in results)
    slow = sorted(results, key=lambda r: -r.seconds)[:5]
    print("slowest: " + "; ".join(f"{r.seconds:.0f} s {r.title}" for r in slow))
    print(f"{count['passed']} passed, {count['failed'] - known} failed, {known} known to differ, {count['skipped']} skipped")
    return 1 if count["failed"] > known else 0


if __name__ == "__main__":
    sys.exit(main())
