"""Many at once: N people sign in, press Start within some seconds and run a cell that asks PostGIS.

divebell and a stock JupyterHub take turns on this machine, never both at once, each through its own proxy
over real HTTP. A volunteer signs in with the form, presses Start, follows the progress stream, waits until
JupyterLab answers, starts a kernel over the API, and runs a cell over its websocket whose answer is checked.
Everybody has signed in before the first presses Start. Time counts from Start to the cell's answer.

  divebell  `divebell up` on a fresh event, `workspace.runs_in` as `--spawner` says
  stock     JupyterHub with its shared-password sign-in and its default proxy (npm's configurable-http-proxy),
            SimpleLocalProcessSpawner or DockerSpawner with their defaults, JupyterLab from plain pip in
            the versions divebell has, a PostGIS with divebell's settings. Servers have as long to start
            as the benchmark waits: with JupyterHub's default half minute most of fifty would be refused.

Percentiles are of those who got their answer; whoever waits longer than `--limit` or gets an error counts as
failed. `cpu_s`: all processes of hub, proxy, servers, kernels, PostgreSQL and (docker) the engine, from the
first sign-in to the last answer. `pss_mb`: a notebook server without its kernel, on average. `ratio_*` are
stock / divebell (above 1: divebell needs less).
"""

from __future__ import annotations

import argparse
import json
import sys
from contextlib import AbstractContextManager
from typing import Any

from contenders.herd import ours, stock
from contenders.herd.crowd import Crowd, send
from contenders.herd.meter import Meter
from contenders.herd.report import figures, ratios, table
from contenders.herd.running import Running


def main() -> int:
    """Run the benchmark and print what it found; 1 when somebody at divebell got no answer."""
    args = _arguments()
    crowd = Crowd(args.users, args.within, args.limit)
    facts: dict[str, Any] = {"spawner": args.spawner, "users": args.users, "within_s": args.within}
    for name in args.hubs:
        print(f"{name}: {crowd.users} volunteers", file=sys.stderr, flush=True)
        with _hub(name, args) as running:
            meter = Meter(running.processes, engine=args.spawner == "docker")
            result = send(crowd, running.hub)
            facts[name] = figures(result, meter.read())
    facts |= ratios(facts)
    print(json.dumps(facts) if args.json else table(facts))
    return 1 if facts.get("divebell", {}).get("failed") else 0


def _hub(name: str, args: argparse.Namespace) -> AbstractContextManager[Running]:
    if name == "divebell":
        return ours.running(args.spawner, args.users)
    return stock.running(args.spawner, args.users, args.limit)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--users", type=int, default=10, metavar="N", help="volunteers (10)")
    parser.add_argument("--spawner", choices=("docker", "process"), default="process")
    parser.add_argument("--within", type=float, default=10, help="seconds in which all press Start (10)")
    parser.add_argument("--limit", type=float, default=300, help="seconds one of them waits at most (300)")
    parser.add_argument("--hubs", nargs="+", choices=("divebell", "stock"), default=["divebell", "stock"])
    parser.add_argument("--json", action="store_true", help="print all as JSON")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
