"""`weirctl recount` against a simdjson on-demand pass over the same fields, and against `wc -l`."""

import csv
import io
import os
import sys
import tempfile
from pathlib import Path

from pairs import in_turns, machine, ratio
from request_log_file import write

BUILD = Path(os.environ.get("WEIR_BUILD", Path(__file__).resolve().parents[2] / "build"))


def main():
    lines = int(os.environ.get("BENCH_LINES", 200000))
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "kafka-request.log"
        made = write(log, lines)
        megabytes = made["size"] / 1e6
        print(f"recount: {made['lines']} FETCH lines, {megabytes:.0f} MB, {made['size'] // made['lines']} bytes a line; {machine()}")
        results = in_turns(
            {
                "weirctl recount": [BUILD / "bin" / "weirctl", "recount", "--format", "csv", log],
                "simdjson on-demand": [BUILD / "bench" / "simdjson_pass", log],
                "wc -l": ["wc", "-l", log],
            },
            rounds=9,
        )
        counted = sum(int(row["bytes"] or 0) for row in csv.DictReader(io.StringIO(results["weirctl recount"][4])))
        if counted != made["bytes"] or f"{made['bytes']} bytes" not in results["simdjson on-demand"][4]:
            sys.exit(f"the sums differ: made {made['bytes']}, recount {counted}, simdjson {results['simdjson on-demand'][4].strip()}")
        print(f"  {'':20} {'MB/s':>8} {'median s':>9} {'min':>7} {'max':>7} {'CPU s':>7} {'ns/line':>8}")
        for name, (median, least, most, cpu, _) in results.items():
            print(f"  {name:20} {megabytes / median:8.0f} {median:9.3f} {least:7.3f} {most:7.3f} {cpu:7.3f} {median / lines * 1e9:8.0f}")
        ratio("recount_vs_simdjson", results["simdjson on-demand"][0] / results["weirctl recount"][0], 1.5)
        # The same by CPU time, which a busy machine disturbs less.
        ratio("recount_vs_simdjson_cpu", results["simdjson on-demand"][3] / results["weirctl recount"][3], "none")
        ratio("recount_vs_wc", results["wc -l"][0] / results["weirctl recount"][0], "none")


if __name__ == "__main__":
    main()
