"""The long set of deterministic runs: `python -m tests.deterministic --help`."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from multiprocessing import get_context

# Sets of strings would else be walked in another order in each process, and the same seed would take other steps.
if os.environ.get("PYTHONHASHSEED") != "0":
    os.environ["PYTHONHASHSEED"] = "0"
    os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])

from tests.deterministic.corpus import read_corpus
from tests.deterministic.faults import PROFILES, PROMISED
from tests.deterministic.run import Result, run_one, run_seed
from tests.deterministic.sweep import sweep
from tests.deterministic.table import as_text
from tests.deterministic.variants import variants

#: A process takes memory with each run, and gives it back when it ends.
_RUNS_OF_A_PROCESS = 25


def main(argv: list[str] | None = None) -> int:
    """Run what was asked for; 0 when nothing was wrong."""
    args = _arguments(argv)
    if args.replay is not None:
        return _replay(args.replay, args.profile or "faults")
    if args.variants:
        return _variants()
    if args.sweep:
        results = list(_told(result for _, result in sweep(args.every, args.jobs)))
    else:
        with get_context("spawn").Pool(args.jobs, maxtasksperchild=_RUNS_OF_A_PROCESS) as pool:
            results = list(_told(pool.imap(run_one, _seeds(args.seeds, args.first, args.profile))))
    print(as_text(results))
    return 0 if all(result.is_clean for result in results) else 1


def _arguments(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser("python -m tests.deterministic", description=__doc__)
    parser.add_argument("--seeds", type=int, default=500, help="how many seeds, spread over the profiles")
    parser.add_argument("--first", type=int, default=1, help="the first seed")
    parser.add_argument("--jobs", type=int, default=1, help="how many processes")
    parser.add_argument("--profile", choices=sorted(PROFILES), help="only this profile of faults")
    parser.add_argument("--replay", type=int, metavar="SEED", help="run one seed, print its digest and what was wrong")
    parser.add_argument("--sweep", action="store_true", help="kill the first node at each step of a short run")
    parser.add_argument("--every", type=int, default=1, help="with --sweep: at every so manieth step only")
    parser.add_argument("--variants", action="store_true", help="weaken the protocol, and see each weakening found")
    return parser.parse_args(argv)


def _seeds(count: int, first: int, profile: str | None) -> Iterator[tuple[int, str]]:
    if profile is None:
        yield from ((entry.seed, entry.profile) for entry in read_corpus())
    for seed in range(first, first + count):
        yield seed, profile or PROMISED[seed % len(PROMISED)]


def _told(results: Iterable[Result]) -> Iterator[Result]:
    for result in results:
        if not result.is_clean:
            print(result, flush=True)
        yield result


def _replay(seed: int, profile: str) -> int:
    result = run_seed(seed, profile)
    print(f"{result.digest}  {result}")
    return 0 if result.is_clean else 1


def _variants() -> int:
    missed = 0
    for variant in variants():
        run: Callable[[int], Result] = partial(run_seed, profile=variant.profile, weakening=variant.weakening)
        for seed in variant.seeds:
            seen = {violation.invariant for violation in run(seed).violations} & variant.seen_by
            if seen:
                print(f"{variant.weakening.name}: seen by {', '.join(sorted(seen))}, seed {seed} of {variant.profile}")
                break
        else:
            missed += 1
            print(f"{variant.weakening.name}: NOT SEEN in {variant.most} seeds of {variant.profile}")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
