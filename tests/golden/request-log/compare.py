"""Where `weirctl recount` and the recount in Python differ on a made log, and the fewest lines that show it.

    compare.py --seed N [--out DIR]     prints the difference; with --out the shrunken logs are left in DIR
"""

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
from collections import defaultdict
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

from hostile import write_logs  # noqa: E402
from recount import COUNTS, recount_fully  # noqa: E402

ABOUT_TOPICS = re.compile('"requestApiKeyName":"(METADATA|CREATE_TOPICS|DELETE_TOPICS)"')
WEIRCTL = os.environ.get("WEIRCTL", HERE.parents[2] / "build" / "bin" / "weirctl")


def weirctl_rows(paths):
    done = subprocess.run([WEIRCTL, "recount", "--format", "json", *paths], capture_output=True, text=True, encoding="utf-8", timeout=60)
    if done.returncode != 0:
        raise RuntimeError(f"weirctl recount: exit {done.returncode}: {done.stderr}")
    return json.loads(done.stdout)["rows"]


def by_name(rows, counts):
    """Of topics with one name, the sums."""
    sums = defaultdict(lambda: dict.fromkeys(counts, 0))
    for row in rows:
        for name in counts:
            sums[row["principal"], row["topic"]][name] += row.get(name) or 0
    return sums


def differences(paths):
    """{(principal, topic, figure): (weirctl's, the judge's)} of the figures that differ."""
    theirs = weirctl_rows(paths)
    counts = (*COUNTS, "produced_messages", "derived_messages", "replay_bytes")
    got, right = by_name(theirs, counts), by_name(recount_fully(paths), counts)
    nothing = dict.fromkeys(counts, 0)
    return {
        (*key, name): (got.get(key, nothing)[name], right.get(key, nothing)[name])
        for key in sorted(got.keys() | right.keys())
        for name in counts
        if got.get(key, nothing)[name] != right.get(key, nothing)[name]
    }


def told(found):
    return [f"{who} {topic[:60]}: {name} {got}, the judge says {right}" for (who, topic, name), (got, right) in found.items()]


def shrink(paths):
    """Takes lines out of the files, but not what they tell of topics, for as long as a figure differs that does now."""
    wanted = differences(paths).keys()
    lines = [(path, text) for path in paths for text in path.read_text(encoding="utf-8").splitlines(keepends=True)]
    about_topics = [(path, text) for path, text in lines if ABOUT_TOPICS.search(text)]

    def differ(chosen):
        for path in paths:
            path.write_text("".join(text for at, text in chosen if at == path), encoding="utf-8")
        return bool(wanted & differences([path for path in paths if path.stat().st_size]).keys())

    size = max(1, len(lines) // 2)
    while True:
        at = 0
        while at < len(lines):
            cut = lines[at : at + size]
            fewer = lines[:at] + [line for line in cut if line in about_topics] + lines[at + size :]
            if len(fewer) < len(lines) and differ(fewer):
                lines = fewer
            else:
                at += size
        if size == 1:
            break
        size //= 2
    differ(lines)
    return [path for path in paths if path.stat().st_size]


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Compares weirctl recount with the recount in Python.")
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--out")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(arguments.out or scratch)
        folder.mkdir(parents=True, exist_ok=True)
        files, features = write_logs(arguments.seed, folder)
        found = differences(files)
        print(f"features: {' '.join(features)}", *told(found), sep="\n")
        if found:
            files = shrink(files)
            print("", "shrunken:", *told(differences(files)), *(path.read_text(encoding="utf-8") for path in files), sep="\n")
    sys.exit(bool(found))
