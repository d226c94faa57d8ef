"""The command: `python -m training.baselines --data SHARED_DATA --out baselines.json`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from sca_nlp.errors import ScaError
from training.baselines import __doc__ as about
from training.baselines.material import BASE, read_material
from training.baselines.table import rows, run


def main(arguments: Sequence[str] | None = None) -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m training.baselines", description=about, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True, help="folder with annotations/ and bench/")
    parser.add_argument("--out", type=Path, required=True, help="JSON file for the table, see training.card")
    parser.add_argument(
        "--rows", nargs="+", default=[], metavar="ROW", help="only these: " + ", ".join(r.id for r in rows())
    )
    parser.add_argument("--config", type=Path, help="a training config: learn from its [[annotations]] instead")
    parser.add_argument("--work", type=Path, default=Path("runs/baselines"), help="keeps finished rows (%(default)s)")
    parser.add_argument("--base", default=BASE, help="encoder of zero-shot, frozen, SetFit and LoRA (%(default)s)")
    parser.add_argument("--sentences", type=int, default=0, help="learn from a sample of so many, for a try")
    parser.add_argument("--threads", type=int, default=1, help="cores (%(default)s)")
    args = parser.parse_args(arguments)

    def say(line: str) -> None:
        print(line, flush=True)

    try:
        limit_threads(args.threads)
        run(read_material(args.data, args.config, args.sentences, args.base, say), args.out, args.work, args.rows, say)
    except ScaError as e:
        sys.exit(f"error: {e}")
    say(f"the table is in {args.out}")


def limit_threads(n: int) -> None:
    """Keep PyTorch and the algebra of numpy to `n` cores."""
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

    threadpool_limits(n)
    try:
        import torch
    except ImportError:
        return
    torch.set_num_threads(n)


if __name__ == "__main__":
    main()
