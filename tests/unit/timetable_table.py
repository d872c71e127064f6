#!/usr/bin/env python3
"""Writes timetable_table.tsv: dates as Airflow's own timetables and croniter compute them.

    python3 -m venv VENV && VENV/bin/pip install apache-airflow-core==3.3.2
    VENV/bin/python tests/unit/timetable_table.py > tests/unit/timetable_table.tsv

The expected values are committed; this script says where they come from.
"""

import datetime
import itertools
import logging
import os
import random
import tempfile

os.environ["AIRFLOW_HOME"] = tempfile.mkdtemp()
os.environ["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"] = "sqlite:///" + os.environ["AIRFLOW_HOME"] + "/x"
logging.disable(logging.CRITICAL)

import pendulum  # noqa: E402
from airflow.timetables import interval as interval_module  # noqa: E402
from airflow.timetables import trigger as trigger_module  # noqa: E402
from airflow.timetables.base import DataInterval, TimeRestriction  # noqa: E402
from airflow.timetables.interval import (  # noqa: E402
    CronDataIntervalTimetable,
    DeltaDataIntervalTimetable,
)
from airflow.timetables import events as events_module, simple as simple_module  # noqa: E402
from airflow.timetables.trigger import (  # noqa: E402
    CronTriggerTimetable,
    DeltaTriggerTimetable,
    MultipleCronTriggerTimetable,
)

CRONS = [
    "* * * * *", "*/5 * * * *", "0 * * * *", "30 * * * *", "15,45 * * * *", "0 0 * * *",
    "30 2 * * *", "0 2 * * *", "0 3 * * *", "15 1 * * *", "*/30 1-3 * * *", "0 */2 * * *",
    "0 */6 * * *", "0 9-17 * * mon-fri", "0 0 * * 0", "0 0 * * 7", "0 0 1 * *", "0 0 31 * *",
    "0 0 29 2 *", "0 0 1 */3 *", "0 0 1 1 *", "0 12 15 jan,jul *", "0 0 13 * 5", "0 0 1,15 * mon",
    "0 0 L * *", "0 0 15W * *", "0 0 1W * *", "0 0 31W * *", "0 0 * * 5#2", "0 0 * * 1#1",
    "0 0 * * mon#5", "0 0 * * L5", "5 4 * * sun", "23 0-20/2 * * *", "0 22 * * 1-5",
    "0 0,12 1 */2 *", "59/15 * * * *", "10/20 * * * *", "0 0 * 12 *", "0 23 28-31 * *",
    "*/7 */5 * * *", "0 0 * * fri-sun", "0 0 * nov-feb *", "0 0 */10 * *", "30 4 1,15 * 5",
    "0 0 * * 1-5 30", "* * * * * */20", "0 6 * * * 15,45", "*/10 * 1 * *", "0 * * * 1-5",
    "0 0 * * 7/2", "30 3 * * 7-0", "0 0 12-15/9,* 3 2", "0 12 L * *,6", "15 *,23 * * *",
]
ZONES = [
    "UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe",
    "America/Sao_Paulo", "Europe/Dublin", "Pacific/Apia", "Asia/Tokyo",
]
# (no zone whose rules a government may change by the next release of tzdata)
# around the changes of the clocks, a leap day, a year's end, and plain days
STARTS = [
    "2026-03-28T22:10:00", "2026-03-29T00:59:30", "2026-10-24T22:30:00", "2026-10-25T00:15:00",
    "2026-10-25T00:45:01", "2026-10-25T01:20:00", "2026-03-08T05:30:00", "2026-11-01T04:45:00",
    "2026-11-01T05:30:00", "2028-02-28T12:00:00", "2026-12-31T23:59:59", "2026-04-04T14:00:00",
    "2026-10-03T14:45:00", "2026-06-15T12:00:00",
]
N_TICKS = 4


def moment(text):
    return pendulum.parse(text, tz="UTC")


def seconds(at):
    return -1 if at is None else int(at.timestamp())


def ticks(step, at):
    found = []
    for _ in range(N_TICKS):
        at = step(at)
        found.append(seconds(at))
    return found


def write(*row):
    print(*row, sep="\t")


def write_ticks():
    chosen = random.Random(1)
    for cron, zone in itertools.product(CRONS, ZONES):
        timetable = CronTriggerTimetable(cron, timezone=zone)
        for start in chosen.sample(STARTS, 2):
            at = moment(start)
            write("after", cron, zone, seconds(at), *ticks(timetable._get_next, at))


def write_back_ticks():
    chosen = random.Random(2)
    for cron, zone in itertools.product(CRONS, ZONES):
        timetable = CronTriggerTimetable(cron, timezone=zone)
        at = moment(chosen.choice(STARTS))
        found = ticks(timetable._get_prev, at)
        before = [seconds(at), *found]
        if all(a > b for a, b in zip(before, before[1:])):  # Airflow steps forward in some folds
            write("before", cron, zone, seconds(at), *found)


def make(kind, what, zone):
    """cron_several: expressions between "|"; events: dates between "|"; with_NUMBER: an interval."""
    if kind == "cron_several":
        return MultipleCronTriggerTimetable(*what.split("|"), timezone=zone)
    if kind == "events":
        return events_module.EventsTimetable([moment(x) for x in what.split("|")])
    if kind == "once":
        return simple_module.OnceTimetable()
    if kind == "continuous":
        return simple_module.ContinuousTimetable()
    if kind == "cron_with_3600":
        return CronTriggerTimetable(what, timezone=zone, interval=datetime.timedelta(seconds=3600))
    if kind == "cron_now":
        return CronTriggerTimetable(what, timezone=zone, run_immediately=True)
    if kind == "cron_now_5400":
        return CronTriggerTimetable(
            what, timezone=zone, run_immediately=datetime.timedelta(seconds=5400)
        )
    if kind == "cron_point":
        return CronTriggerTimetable(what, timezone=zone)
    if kind == "cron_interval":
        return CronDataIntervalTimetable(what, timezone=zone)
    delta = datetime.timedelta(seconds=int(what))
    return DeltaTriggerTimetable(delta) if kind == "delta_point" else DeltaDataIntervalTimetable(delta)


def set_now(now):
    trigger_module.utcnow = interval_module.utcnow = lambda: now
    trigger_module.time = type("Time", (), {"time": staticmethod(now.timestamp)})
    stopped = type("Clock", (), {"utcnow": staticmethod(lambda: now)})
    stopped.coerce_datetime = staticmethod(lambda v: v)
    events_module.timezone = simple_module.timezone = stopped


def write_run(kind, what, zone, catchup, start, end, now, n=3):
    """A chain of runs as the scheduler would make them at one moment."""
    set_now(now)
    timetable, last, row = make(kind, what, zone), None, []
    for _ in range(n):
        info = timetable.next_dagrun_info(
            last_automated_data_interval=last,
            restriction=TimeRestriction(earliest=start, latest=end, catchup=catchup),
        )
        if info is None:
            row += [-1, -1, -1]
            continue
        last = DataInterval(info.data_interval.start, info.data_interval.end)
        row += [seconds(last.start), seconds(last.end), seconds(info.run_after)]
    write(kind, what, zone, int(catchup), seconds(start), seconds(end), seconds(now), *row)


def write_runs():
    now, past = moment("2026-10-25T12:34:56"), moment("2026-10-20T08:00:00")
    on_tick, future = moment("2026-10-26T00:00:00"), moment("2026-11-03T07:00:00")
    crons = ["0 0 * * *", "0 * * * *", "30 2 * * *", "*/15 * * * *", "0 9 * * 1-5", "0 0 1 * *"]
    for kind, cron, zone in itertools.product(
        ["cron_point", "cron_interval"], crons, ["UTC", "Europe/Berlin", "America/New_York"]
    ):
        for catchup, start in itertools.product([True, False], [past, future, None]):
            if kind == "cron_interval" and catchup and start is None:
                continue  # refused by onebox: it says that a start date is needed
            write_run(kind, cron, zone, catchup, start, None, now)
        write_run(kind, cron, zone, False, past, None, on_tick)
        write_run(kind, cron, zone, True, past, moment("2026-10-22T00:00:00"), now)
    for kind, delta in itertools.product(["delta_point", "delta_interval"], ["600", "86400", "5400"]):
        for catchup in (True, False):
            write_run(kind, delta, "UTC", catchup, past, None, now)
            write_run(kind, delta, "UTC", catchup, future, None, now)
        write_run(kind, delta, "UTC", True, past, moment("2026-10-20T09:00:00"), now)


def write_more_runs():
    now, past = moment("2026-10-25T12:34:56"), moment("2026-10-20T08:00:00")
    future, late = moment("2026-11-03T07:00:00"), moment("2026-10-26T13:00:00")
    several = ["0 0 * * *|0 12 * * *", "30 2 * * *|0 */6 * * *|15 3 * * 1-5", "0 9 * * 1|0 9 * * 1"]
    for what, zone in itertools.product(several, ["UTC", "Europe/Berlin"]):
        for catchup, start in itertools.product([True, False], [past, future, None]):
            write_run("cron_several", what, zone, catchup, start, None, now)
            write_run("cron_several", what, zone, catchup, start, late, now)
    dates = "2026-10-21T10:00:00|2026-10-24T00:00:00|2026-10-26T12:00:00|2026-11-05T00:00:00"
    for catchup, start, end in itertools.product([True, False], [past, future, None], [None, late]):
        write_run("events", dates, "UTC", catchup, start, end, now)
        write_run("once", "-", "UTC", catchup, start, end, now)
        write_run("continuous", "-", "UTC", catchup, start, end, now, n=1)
    for kind, what in itertools.product(
        ["cron_with_3600", "cron_now", "cron_now_5400"], ["0 0 * * *", "0 * * * *", "*/15 * * * *"]
    ):
        for catchup, start in itertools.product([True, False], [past, None]):
            write_run(kind, what, "Europe/Berlin", catchup, start, None, now)


print("# Written by timetable_table.py from Airflow 3.3.2 and its croniter: not to be edited.")
write_ticks()
write_back_ticks()
write_runs()
write_more_runs()
