"""A program that is killed, stopped and started again, by its pid."""

import ctypes
import os
import signal
import subprocess
from pathlib import Path

from stack import wait_for

PR_SET_PDEATHSIG = 1
LIBC = ctypes.CDLL(None)


def end_with_parent():
    LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


class Process:
    """`command` with `env` alone; what it says goes to `out`. It doesn't outlive the storm."""

    def __init__(self, name, command, env, out):
        self.name, self.command, self.env, self.out = name, [str(word) for word in command], env, Path(out)
        self.process = None
        self.starts = 0

    def start(self):
        self.starts += 1
        with open(self.out, "ab") as out:
            self.process = subprocess.Popen(
                self.command, env=self.env, stdin=subprocess.PIPE, stdout=out, stderr=out, preexec_fn=end_with_parent
            )

    @property
    def runs(self):
        return self.process is not None and self.process.poll() is None

    def kill(self):
        """SIGKILL. It is an error if the program had ended by itself before."""
        self.must_run()
        self.process.kill()
        self.process.wait(30)

    def pause(self):
        """SIGSTOP, and waits until it stands still."""
        self.must_run()
        self.process.send_signal(signal.SIGSTOP)
        state = Path(f"/proc/{self.process.pid}/stat")
        wait_for(lambda: state.read_text().rpartition(") ")[2][0] == "T", f"{self.name} to stand still")

    def resume(self):
        self.process.send_signal(signal.SIGCONT)

    def stop(self, seconds=60):
        """SIGTERM; its exit status."""
        if self.process is None:
            return None
        if self.process.poll() is None:
            self.resume()
            self.process.terminate()
            try:
                self.process.wait(seconds)
            except subprocess.TimeoutExpired:
                self.process.kill()
                raise RuntimeError(f"{self.name} does not end; see {self.out}") from None
        return self.process.returncode

    def tell(self, command):
        self.process.stdin.write(f"{command}\n".encode())
        self.process.stdin.flush()

    def must_run(self):
        if not self.runs:
            raise RuntimeError(f"{self.name} has ended by itself ({self.process.returncode}); see {self.out}")


def plain_env(**more):
    return {"PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/"), "LANG": "C.UTF-8", "TZ": "UTC", **more}
