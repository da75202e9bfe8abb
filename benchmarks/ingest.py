"""From a file to a table: divebell beside the tools people use instead, on the same files and PostgreSQL.

divebell's seconds are those its running loader writes into the catalogue: from opening the file that was
checked out to the catalogue's row, all types decided over all values, every geometry checked, rows sent, key
and spatial index built, ANALYZE, the swap. What it takes with git - from the moment the event's branch names
the commit, through noticing, fetching and checking it out - is given beside it (`with_git_s`); no peer does
that. Each round commits a file whose contents git has never had.

The peers read the same file where it lies: no git, no swap, no catalogue.
  ogr2ogr    PG_USE_COPY, AUTODETECT_TYPE for text, spatial index; then ANALYZE
  geopandas  read_file or read_csv, to_postgis, spatial index; then ANALYZE. One round only: it is slow.
             The import of its libraries is not counted.
  shp2pgsql  -D -I, piped into psql; then ANALYZE. Shapefiles only.
  floor      binary COPY of rows that are encoded already (the very table divebell made, so the columns are
             the same), key, spatial index, ANALYZE, in one transaction.
Each loads into a table of its own, whose rows and geometries are counted. Before each, the database makes a
checkpoint and the disk finishes writing. The contenders take turns, round by round, in one run.

Ratios are of medians: `vs_fastest_peer` and `vs_ogr2ogr` are peer / divebell (above 1: divebell is faster),
`vs_floor` is divebell / floor. `peak_mb` is the most memory of the loader and all processes below it (PSS:
what they share is counted once; sampled ten times a second), over all formats.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
from contextlib import nullcontext
from pathlib import Path
from typing import Any

from contenders import floor, peers
from contenders.event import Event, running_event
from contenders.files import FORMATS, Job, Sizes, make

ONE_ROUND = {"geopandas"}
Times = dict[str, dict[str, list[float]]]


def main() -> int:
    """Run the benchmark and print what it found."""
    args = _arguments()
    chosen = [peer for peer in peers.PEERS if peer.name in args.peers]
    times: Times = {name: {} for name in args.formats}
    place = nullcontext(args.files) if args.files else tempfile.TemporaryDirectory(prefix="divebell-files-")
    with place as folder:
        jobs = make(args.formats, Path(folder), Sizes(args.rows, args.polygons))
        with running_event() as event:
            for turn in range(args.rounds):
                for job in jobs:
                    _round(
                        event, job, [peer for peer in chosen if not turn or peer.name not in ONE_ROUND], times
                    )
    left_out = {job.format: {peer.name: why for peer in chosen if (why := peer.refuses(job))} for job in jobs}
    facts = _facts(times) | {
        "peak_mb": round(event.peak_bytes / 1e6),
        "with_git_s": {name: round(statistics.median(each), 2) for name, each in event.with_git.items()},
        "left_out": left_out,
        "rounds": args.rounds,
        "rows": {job.format: job.rows for job in jobs},
    }
    print(json.dumps(facts) if args.json else _sentences(facts))
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    names = [peer.name for peer in peers.PEERS]
    parser.add_argument("--rows", type=int, default=1_000_000, help="rows of the text file (1,000,000)")
    parser.add_argument("--polygons", type=int, default=200_000, help="polygons in each other file (200,000)")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--formats", nargs="+", choices=list(FORMATS), default=list(FORMATS))
    parser.add_argument("--peers", nargs="*", choices=names, default=names)
    parser.add_argument(
        "--files", type=Path, metavar="FOLDER", help="keep the files in FOLDER for other runs"
    )
    parser.add_argument("--json", action="store_true", help="print all as JSON")
    return parser.parse_args()


def _round(event: Event, job: Job, chosen: list[peers.Peer], times: Times) -> None:
    """Let each contender load one file once."""
    placed = event.put(job)

    def note(name: str, seconds: float) -> None:
        times[job.format].setdefault(name, []).append(seconds)
        print(f"{job.format}: {name} {seconds:.2f} s", file=sys.stderr, flush=True)

    event.settle()
    note("divebell", event.load(placed))
    event.settle()
    note("floor", floor.timed(event, placed))
    for peer in chosen:
        if peer.refuses(placed) is None:
            event.settle()
            note(peer.name, peers.timed(peer, event, placed))


def _facts(times: Times) -> dict[str, Any]:
    """Compute medians and ratios."""
    medians = {
        name: {who: statistics.median(seconds) for who, seconds in by.items()} for name, by in times.items()
    }
    fastest = {
        name: min((seconds, who) for who, seconds in by.items() if who not in {"divebell", "floor"})
        for name, by in medians.items()
        if set(by) > {"divebell", "floor"}
    }
    ours = {name: by["divebell"] for name, by in medians.items()}
    return {
        "vs_fastest_peer": {name: round(fastest[name][0] / ours[name], 2) for name in fastest},
        "vs_ogr2ogr": {
            name: round(by["ogr2ogr"] / ours[name], 2) for name, by in medians.items() if "ogr2ogr" in by
        },
        "vs_floor": {name: round(ours[name] / by["floor"], 2) for name, by in medians.items()},
        "fastest_peer": {name: fastest[name][1] for name in fastest},
        "median_s": {
            name: {who: round(seconds, 2) for who, seconds in by.items()} for name, by in medians.items()
        },
    }


def _sentences(facts: dict[str, Any]) -> str:
    lines = []
    for name, by in facts["median_s"].items():
        each = ", ".join(f"{who} {seconds} s" for who, seconds in by.items())
        lines.append(f"{name} ({facts['rows'][name]:,} rows): {each}")
        lines.append(f"  divebell from the branch's new commit on, with git: {facts['with_git_s'][name]} s")
        if name in facts["fastest_peer"]:
            peer, ratio = facts["fastest_peer"][name], facts["vs_fastest_peer"][name]
            lines.append(f"  fastest peer / divebell: {ratio} ({peer})")
        lines.append(f"  divebell / floor: {facts['vs_floor'][name]}")
        lines += [f"  without {who}: {why}" for who, why in facts["left_out"][name].items()]
    lines.append(f"peak memory of the loader and its processes: {facts['peak_mb']} MB")
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
