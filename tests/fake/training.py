"""A training with the unmodified mlflow client, as a task runs it: training.py PLACE LAST STOP_AT

Logs the steps up to LAST, keeps a checkpoint of every fourth in PLACE and goes on from it: MLFLOW_RUN_ID is how a
client goes on with a run. The first try says in PLACE/there (its pid) that it is at STOP_AT, and waits for what
becomes of it.
"""

import json
import os
import sys
import time

place, last, stop_at = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
kept, first = os.path.join(place, "checkpoint"), 0
if os.path.exists(kept):
    with open(kept) as f:
        os.environ["MLFLOW_RUN_ID"], first = json.load(f)

import mlflow  # noqa: E402  it reads its environment once

with mlflow.start_run() as run:
    for step in range(first, last + 1):
        loss = 1 / (step + 1) + int(os.environ["ONEBOX_TRY"]) / 1000
        mlflow.log_metric("loss", loss, step=step)
        if step % 2 == 0:
            mlflow.log_metrics({"even": loss}, step=step)
        if step % 4 == 0:
            with open(kept + ".tmp", "w") as f:
                json.dump([run.info.run_id, step], f)
            os.rename(kept + ".tmp", kept)
        if step == stop_at and os.environ["ONEBOX_TRY"] == "1":
            with open(os.path.join(place, "there.tmp"), "w") as f:
                f.write(str(os.getpid()))
            os.rename(os.path.join(place, "there.tmp"), os.path.join(place, "there"))
            time.sleep(600)
