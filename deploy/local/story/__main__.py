"""python -m story FOLDER [--no-portal]: plays the story on the stack in FOLDER. Exit 1 if it does not hold."""

import argparse
import signal
import sys

from .console import Console
from .failure import StoryFailed
from .play import Play


def main():
    parser = argparse.ArgumentParser(prog="story", description=__doc__)
    parser.add_argument("folder", help="folder of the stack, e.g. build/stack")
    parser.add_argument("--no-portal", action="store_true", help="subscribe through REST only, without a browser")
    parser.add_argument("--no-sign-ins", action="store_true", help="the stack goes away: don't say where to look")
    options = parser.parse_args()
    # Ends through every `finally`, so that no client is left behind.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    console = Console()
    try:
        play = Play(options.folder, console, with_portal=False if options.no_portal else None).run()
    except StoryFailed as error:
        print(f"\nthe story failed: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nthe story was interrupted", file=sys.stderr)
        return 130
    play.show_figures()
    if not options.no_sign_ins:
        play.show_sign_ins()
    console.plain(f"\nEverything agrees. The story took {console.elapsed():.0f} s.")
    return 0


sys.exit(main())
