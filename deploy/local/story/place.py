"""Where the stack stands: its folder, addresses and secrets, and its command-line tools."""

import gzip
import json
import os
import shutil
import subprocess
from pathlib import Path

from .failure import StoryFailed

ROOT = Path(__file__).resolve().parents[3]
KAFKA_LIB = Path(os.environ.get("WEIR_KAFKA_LIB") or ROOT / "build" / "kafka" / "4.3.1" / "lib")
BIN = Path(os.environ.get("WEIR_BIN") or ROOT / "build" / "bin")


class Place:
    def __init__(self, folder):
        self.folder = Path(folder).resolve()
        try:
            text = (self.folder / "stack.env").read_text()
        except FileNotFoundError:
            raise StoryFailed(f"no stack in {self.folder}; bring one up with `make up`") from None
        self.settings = dict(line.split("=", 1) for line in text.splitlines() if "=" in line)
        self.cluster = self.settings["WEIR_CLUSTER"]
        self.api = f"http://127.0.0.1:{self.settings['WEIR_API_PORT']}"
        self.internal = f"127.0.0.1:{self.settings['WEIR_KAFKA_INTERNAL_PORT']}"
        self.client = f"127.0.0.1:{self.settings['WEIR_KAFKA_CLIENT_PORT']}"

    # --- how Kafka is spoken to ----------------------------------------------------------------------
    @property
    def client_protocol(self):
        """Of customers' applications."""
        return self.protocol("WEIR_KAFKA_CLIENT_TLS")

    @property
    def internal_protocol(self):
        return self.protocol("WEIR_KAFKA_INTERNAL_TLS")

    def protocol(self, setting):
        return "SASL_SSL" if self.settings[setting] == "on" else "SASL_PLAINTEXT"

    @property
    def ca(self):
        """The authority that signed the broker's certificate."""
        return self.folder / "kafka" / "ca.pem"

    # --- its files -----------------------------------------------------------------------------------
    def secret_file(self, name):
        return self.folder / "secrets" / name

    def secret(self, name):
        return self.secret_file(name).read_text().strip()

    def new_run(self):
        """A folder of its own for each telling, numbered from 1."""
        stories = self.folder / "story"
        stories.mkdir(mode=0o700, exist_ok=True)
        number = 1 + max((int(entry.name) for entry in stories.iterdir() if entry.name.isdigit()), default=0)
        (stories / str(number)).mkdir(mode=0o700)
        return number, stories / str(number)

    def request_logs(self, since=0.0):
        """Files of the broker's request log written to at or after `since`, oldest first."""
        logs = self.folder / "kafka" / "logs"
        files = [*sorted(logs.glob("kafka-request.log.*")), logs / "kafka-request.log"]
        return [path for path in files if path.exists() and path.stat().st_mtime >= since]

    def keep_evidence(self):
        """Keeps the broker's request log and what the programs said, for a stack that is about to go away."""
        kept = ROOT / "build" / "story-failed"
        shutil.rmtree(kept, ignore_errors=True)
        kept.mkdir(parents=True)
        for path in [*self.request_logs(), *(self.folder / "log").iterdir()]:
            with open(path, "rb") as source, gzip.open(kept / f"{path.name}.gz", "wb", compresslevel=3) as copy:
                shutil.copyfileobj(source, copy)
        return kept

    # --- tools ---------------------------------------------------------------------------------------
    def run(self, command, what, env=None, timeout=120):
        """Runs a command and returns its output; a failure shows the last of what it said."""
        done = subprocess.run([str(word) for word in command], env=env, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=timeout)
        if done.returncode != 0:
            said = (done.stderr.strip() or done.stdout.strip()).splitlines()[-5:]
            raise StoryFailed(f"{what} failed ({done.returncode}): " + "\n    ".join(said))
        return done.stdout

    def weirctl(self, *arguments, **settings):
        """weirctl with the operator's credentials; further settings go by environment."""
        env = {"PATH": os.environ["PATH"], "LANG": "C.UTF-8", "TZ": "UTC", "WEIR_LOG_LEVEL": "warn"}
        env.update({name: str(value) for name, value in settings.items()})
        return self.run([BIN / "weirctl", *arguments], f"weirctl {' '.join(str(a) for a in arguments[:2])}", env)

    def operate(self, *arguments):
        """A weirctl command that calls the REST API."""
        command, *rest = arguments
        return self.weirctl(command, "--config", self.folder / "weirctl.conf", "--api-url", self.api, *rest)

    def script(self, name, *arguments):
        env = {k: v for k, v in os.environ.items() if not k.startswith("WEIR_") or k in ("WEIR_VENV", "WEIR_KAFKA_LIB", "WEIR_BIN")}
        env["WEIR_STACK_DIR"] = str(self.folder)
        return self.run([ROOT / "deploy" / "local" / f"{name}.sh", *arguments], f"{name}.sh {arguments[0]}", env)

    def jmx_count(self, counter, topic):
        """A counter of the broker itself."""
        text = self.script("kafka", "jmx", f"kafka.server:type=BrokerTopicMetrics,name={counter},topic={topic}")
        for line in text.splitlines():
            _, found, value = line.partition(":Count=")
            if found:
                return int(value)
        raise StoryFailed(f"the broker has no counter {counter} for topic {topic}")

    def recount_by_weirctl(self, files):
        return json.loads(self.weirctl("recount", "--format", "json", *files))["rows"]

    def recount_independent(self, files):
        """The tests' own recount, which shares no code with Weir."""
        script = ROOT / "tests" / "golden" / "request-log" / "recount.py"
        return json.loads(self.run(["python3", script, *files], "recount.py"))
