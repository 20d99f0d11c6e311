"""What the story says while it goes on, and the table at its end."""

import sys
import time


class Console:
    def __init__(self, out=sys.stdout):
        self.out = out
        self.began = time.monotonic()

    def _print(self, text):
        print(text, file=self.out, flush=True)

    def step(self, number, title):
        self._print(f"\n{self.elapsed():6.1f} s  {number}  {title}")

    def note(self, text):
        self._print(f"{self.elapsed():6.1f} s     {text}")

    def plain(self, text=""):
        self._print(text)

    def elapsed(self):
        return time.monotonic() - self.began

    def table(self, heading, rows):
        """rows: lists of texts; the first column is words, the others are figures."""
        widths = [max(len(row[i]) for row in [heading, *rows]) for i in range(len(heading))]

        def line(row):
            cells = [row[0].ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(row[1:], widths[1:]))]
            return "  " + "  ".join(cells).rstrip()

        self._print(line(heading))
        self._print("  " + "  ".join("-" * width for width in widths))
        for row in rows:
            self._print(line(row))


def figure(number):
    """12345678 as 12 345 678."""
    return f"{number:,}".replace(",", " ")
