"""A tariff: base rate times a factor for the region times one for the age band, by the method of marginal totals."""

import json
import time
import urllib.error

from tracking import api, get, log_text
from warehouse import rows

MODEL, ROUNDS = "insurance_tariff", 25


def fit(cells, on_round):
    base = sum(c["paid"] for c in cells) / sum(c["exposure"] for c in cells)
    factors = {key: {c[key]: 1.0 for c in cells} for key in ("region", "age_band")}
    expected = lambda c: c["exposure"] * base * factors["region"][c["region"]] * factors["age_band"][c["age_band"]]
    for n in range(ROUNDS):
        change = 0
        for key, values in factors.items():
            for value in values:
                own = [c for c in cells if c[key] == value]
                ratio = sum(c["paid"] for c in own) / sum(map(expected, own))
                values[value] *= ratio
                change = max(change, abs(ratio - 1))
        on_round(n, change)
    return {"base": base, **factors}


def main():
    experiment = get("experiments/get-by-name", experiment_name="insurance")["experiment"]["experiment_id"]
    info = api("runs/create", experiment_id=experiment, run_name="tariff", start_time=int(time.time() * 1000))["run"]["info"]
    run, points = info["run_id"], []
    tariff = fit(rows("SELECT * FROM features"), lambda n, change: points.append(
        {"key": "change", "value": change, "step": n, "timestamp": int(time.time() * 1000)}))
    api("runs/log-batch", run_id=run, metrics=points, params=[{"key": "rounds", "value": str(ROUNDS)}])
    log_text(run, "model/tariff.json", json.dumps(tariff, indent=2))
    try:
        api("registered-models/create", name=MODEL)
    except urllib.error.HTTPError as e:
        if e.code != 400:
            raise
    version = api("model-versions/create", name=MODEL, source=info["artifact_uri"] + "/model", run_id=run)["model_version"]["version"]
    api("runs/update", run_id=run, status="FINISHED", end_time=int(time.time() * 1000))
    print(f"{MODEL} version {version}: base {tariff['base']:.2f}, settled to {points[-1]['value']:.1g}")


if __name__ == "__main__":
    main()
