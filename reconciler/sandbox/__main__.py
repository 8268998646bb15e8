"""`python -m reconciler.sandbox`: the sandbox without the rest of the program, for tests that need a process."""

import argparse
import sys

from reconciler.errors import ReconcilerError
from reconciler.sandbox.command import DEFAULT_PORT, FLAGS_HELP, OPTION_HELP, run
from reconciler.sandbox.rules import PROFILES


def main(arguments: list[str] | None = None) -> int:
    """Parse, run, and say what went wrong; the exit code."""
    options = _parser().parse_args(arguments)
    try:
        run(
            port=options.port,
            database=options.db,
            profile=options.profile,
            seed=options.seed,
            faults_file=options.faults,
            hazards=options.hazards,
            insecure_bind=options.insecure_bind,
            host=options.host,
            flags=options.flag,
            echo=_echo,
            rows=options.rows,
            throttle_scale=options.throttle_scale,
            new_key=options.new_key,
            as_json=options.json,
        )
    except ReconcilerError as error:
        sys.stderr.write(f"error: {error}\n")
        return error.exit_code
    return 0


def _echo(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()  # whoever started this process reads the first line to learn the port


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m reconciler.sandbox",
        description="A local PostHog, as strict as the real one.",
        epilog=FLAGS_HELP,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--port", type=int, default=DEFAULT_PORT, help=OPTION_HELP["port"])
    parser.add_argument("--db", help=OPTION_HELP["db"])
    parser.add_argument("--profile", choices=tuple(PROFILES), default="seed", help=OPTION_HELP["profile"])
    parser.add_argument("--seed", type=int, default=0, help=OPTION_HELP["seed"])
    parser.add_argument("--rows", type=int, default=0, help=OPTION_HELP["rows"])
    parser.add_argument("--faults", help=OPTION_HELP["faults"])
    parser.add_argument("--flag", action="append", default=[], help=OPTION_HELP["flag"])
    parser.add_argument("--hazards", action="store_true", help=OPTION_HELP["hazards"])
    parser.add_argument("--throttle-scale", type=float, default=1.0, help=OPTION_HELP["throttle-scale"])
    parser.add_argument("--new-key", action="store_true", help=OPTION_HELP["new-key"])
    parser.add_argument("--host", default="127.0.0.1", help=OPTION_HELP["host"])
    parser.add_argument("--insecure-bind", action="store_true", help=OPTION_HELP["insecure-bind"])
    parser.add_argument("--json", action="store_true", help=OPTION_HELP["json"])
    return parser


if __name__ == "__main__":
    sys.exit(main())
