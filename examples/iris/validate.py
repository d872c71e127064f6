"""Holds the best model of this pipeline run against the threshold; below it the task fails."""

import os

import mlflow

from lineage import finished_runs

MIN_ACCURACY = float(os.environ.get("MIN_ACCURACY", "0.9"))


def main():
    runs = finished_runs("train", ["metrics.accuracy DESC", "metrics.log_loss ASC"])
    best = runs[0]
    accuracy = best.data.metrics["accuracy"]
    print(f"best of {len(runs)}: {best.info.run_name} with accuracy {accuracy:.4f}")
    if accuracy < MIN_ACCURACY:
        raise SystemExit(f"accuracy {accuracy:.4f} is below the threshold {MIN_ACCURACY:g}")
    mlflow.MlflowClient().set_tag(best.info.run_id, "validated", "yes")


if __name__ == "__main__":
    main()
