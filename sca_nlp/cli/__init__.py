"""The command line: parse, call, print; no logic."""

from __future__ import annotations

import errno
import os
import signal
import sys
from importlib import import_module
from importlib.metadata import entry_points
from pathlib import Path
from types import FrameType

import typer

from sca_nlp.errors import ScaError

app = typer.Typer(
    name="sca",
    help="Words against deeds: do states grow into, or out of, a security community?",
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

_STOPPED = 130
#: What a user can mend of the system's errors: no room, no right, no such place.
_USERS = (errno.ENOSPC, errno.EDQUOT, errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOENT, errno.ENOTDIR, errno.EISDIR)


def _interrupt(signum: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def add_commands() -> None:
    """Add every command to `app`: those of this package, and those of others by entry point."""
    # In the order in which the help shows their panels.
    for module in ("doctor", "scoring", "series", "review", "verify", "validity", "corpus", "models", "design"):
        import_module(f"sca_nlp.cli.{module}")
    for plugin in entry_points(group="sca_nlp.commands"):  # `training` joins here; sca_nlp itself never imports it
        plugin.load()(app)


def main() -> None:
    """Run the command line: exit code 0, 2 for a user's error (one line), 130 when stopped."""
    add_commands()
    for stop in (signal.SIGTERM, signal.SIGINT):  # a shell starts background jobs with the second ignored
        signal.signal(stop, _interrupt)
    try:
        code = app(standalone_mode=False)
        if code == _STOPPED:  # typer returns this in place of a KeyboardInterrupt
            raise KeyboardInterrupt
    except ScaError as e:
        print(f"sca: {e}", file=sys.stderr)
        sys.exit(2)
    except (KeyboardInterrupt, typer.Abort):
        print("sca: stopped. What is finished is kept; run the same command again to go on.", file=sys.stderr)
        sys.exit(_STOPPED)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)
    except Exception as e:
        if isinstance(e, OSError) and e.filename and e.errno in _USERS:
            from sca_nlp.store import mendable

            print(f"sca: {mendable(e, Path(os.fsdecode(e.filename)))}", file=sys.stderr)
            sys.exit(2)
        if hasattr(e, "format_message"):  # click's own: a wrong option or a missing argument
            context = getattr(e, "ctx", None)
            hint = f" (see: {context.command_path} --help)" if context else ""
            if message := e.format_message().removesuffix("."):  # none where help was shown, for want of a command
                print(f"sca: {message}{hint}", file=sys.stderr)
            sys.exit(2)
        if isinstance(e, typer.Exit):
            sys.exit(e.exit_code)
        raise
    sys.exit(code if isinstance(code, int) else 0)
