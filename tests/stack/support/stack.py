"""A private stack for tests: real PostgreSQL and Kafka (and Weir's programs) in a folder of their own.

    with Stack(folder) as stack:
        stack.up_servers()
        ...

It calls the scripts of deploy/local, so tests run on what users run. One stack is shared by a whole
pytest session (the fixtures are in conftest.py); tests keep apart by names of their own.
"""

import os
import socket
import subprocess
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
LOCAL = ROOT / "deploy" / "local"
BIN = Path(os.environ.get("WEIR_BIN", ROOT / "build" / "bin"))
VENV = Path(os.environ.get("WEIR_VENV", ROOT / "build" / "venv"))

PORT_SETTINGS = [
    "WEIR_PG_PORT",
    "WEIR_KAFKA_INTERNAL_PORT",
    "WEIR_KAFKA_CONTROLLER_PORT",
    "WEIR_KAFKA_CLIENT_PORT",
    "WEIR_KAFKA_JMX_PORT",
    "WEIR_KAFKA_COUNTERS_PORT",
    "WEIR_API_PORT",
    "WEIR_TAP_METRICS_PORT",
    "WEIR_METER_METRICS_PORT",
    "WEIR_BILLER_METRICS_PORT",
    "WEIR_ACCESS_METRICS_PORT",
]


def wait_for(condition, what, seconds=30.0, every=0.05):
    """Asks until `condition` returns something true, and returns that."""
    deadline = time.monotonic() + seconds
    while True:
        result = condition()
        if result:
            return result
        if time.monotonic() > deadline:
            raise TimeoutError(f"waited {seconds} s in vain for {what}")
        time.sleep(every)


def free_ports(count):
    """Ports below the range the kernel gives to clients, so that none is taken between choice and use.

    WEIR_TEST_PORT_BASE moves the range; by default it depends on the process, so that two runs on one
    machine seldom meet.
    """
    base = int(os.environ.get("WEIR_TEST_PORT_BASE", 20000 + os.getpid() * 20 % 12000))
    ports = []
    for port in range(base, 32768):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        ports.append(port)
        if len(ports) == count:
            return ports
    raise RuntimeError(f"no {count} free ports from {base} on")


def open_folder(name):
    """A folder for a stack, which its purge removes. Servers have users of their own who have to get there, and
    pytest's own folders are closed to them, again whenever another pytest begins."""
    folder = Path(tempfile.mkdtemp(prefix=f"weir-{name}-"))
    folder.chmod(0o711)
    return folder


class Stack:
    def __init__(self, folder, **settings):
        self.folder = Path(folder)
        self.ports = dict(zip(PORT_SETTINGS, free_ports(len(PORT_SETTINGS))))
        self.settings = {
            "WEIR_STACK_DIR": str(self.folder),
            "WEIR_PG_FSYNC": "off",
            **{name: str(port) for name, port in self.ports.items()},
            **{name: str(value) for name, value in settings.items()},
        }

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.purge()

    # --- life ----------------------------------------------------------------------------------------
    def script(self, name, *arguments, check=True, limits=(), **more_settings):
        """Runs deploy/local/<name>.sh; its output is shown when it fails. `limits` as of prlimit(1)."""
        env = {k: v for k, v in os.environ.items() if not k.startswith("WEIR_") or k in ("WEIR_VENV", "WEIR_BIN", "WEIR_KAFKA_LIB")}
        env.update(self.settings)
        env.update({k: str(v) for k, v in more_settings.items()})
        done = subprocess.run(
            [*(["prlimit", *limits] if limits else []), str(LOCAL / f"{name}.sh"), *arguments], env=env, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=300
        )
        if check and done.returncode != 0:
            raise RuntimeError(f"{name}.sh {' '.join(arguments)} failed ({done.returncode})\n{done.stdout}{done.stderr}")
        return done

    def up(self):
        self.script("stack", "up")

    def up_servers(self):
        self.script("stack", "up", "servers")

    def down(self):
        self.script("stack", "down")

    def purge(self):
        self.script("stack", "purge", check=False)

    def pid(self, name):
        """The pid of kafka or of one of Weir's programs; None while it is down."""
        try:
            pid, started = (self.folder / "run" / f"{name}.pid").read_text().split()
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()
        except (FileNotFoundError, ProcessLookupError, ValueError):
            return None
        return int(pid) if fields[0] != "Z" and fields[19] == started else None

    def kill(self, name):
        """kill -9, and waits until it is gone."""
        pid = self.postgres_pid() if name == "postgres" else self.pid(name)
        assert pid, f"{name} is not running"
        os.kill(pid, 9)
        wait_for(lambda: not Path(f"/proc/{pid}").exists(), f"{name} to be gone")

    def postgres_pid(self):
        return int((self.folder / "postgres" / "data" / "postmaster.pid").read_text().split()[0])

    # --- where things are ----------------------------------------------------------------------------
    def secret(self, name):
        return (self.folder / "secrets" / name).read_text().strip()

    def database_url(self, role="postgres"):
        return self.secret(f"url-{role}")

    @property
    def internal(self):
        return f"127.0.0.1:{self.ports['WEIR_KAFKA_INTERNAL_PORT']}"

    @property
    def client(self):
        return f"127.0.0.1:{self.ports['WEIR_KAFKA_CLIENT_PORT']}"

    @property
    def api(self):
        return f"http://127.0.0.1:{self.ports['WEIR_API_PORT']}"

    @property
    def request_log(self):
        return self.folder / "kafka" / "logs" / "kafka-request.log"

    def request_logs(self):
        """The renamed files, oldest first, then the one being written."""
        renamed = sorted(self.request_log.parent.glob("kafka-request.log.*"))
        return [*renamed, self.request_log]

    def log_topic(self):
        return "weir.broker-log." + self.settings.get("WEIR_CLUSTER", "local")

    # --- Kafka ---------------------------------------------------------------------------------------
    @property
    def ca(self):
        """The authority that signed the broker's certificate."""
        return self.folder / "kafka" / "ca.pem"

    def token_config(self, token, **more):
        """confluent-kafka's settings for an application with a token, on listener CLIENT."""
        return {
            "bootstrap.servers": self.client,
            "security.protocol": "SASL_SSL",
            "ssl.ca.location": str(self.ca),
            "sasl.mechanism": "OAUTHBEARER",
            "oauth_cb": lambda _: (token, time.time() + 3000),
            "log_level": 2,
            **{key.replace("_", "."): value for key, value in more.items()},
        }

    def kafka_config(self, user="admin", **more):
        """confluent-kafka's settings for a user of listener INTERNAL."""
        return {
            "bootstrap.servers": self.internal,
            "security.protocol": "SASL_SSL" if self.settings.get("WEIR_KAFKA_INTERNAL_TLS") == "on" else "SASL_PLAINTEXT",
            "ssl.ca.location": str(self.ca),
            "sasl.mechanism": "PLAIN",
            "sasl.username": user,
            "sasl.password": self.secret(f"kafka-{user}"),
            "log_level": 2,
            **{key.replace("_", "."): value for key, value in more.items()},
        }

    def java_properties(self, user="admin"):
        """The same for Java clients: a file for --command-config."""
        return self.folder / "kafka" / f"{user}.properties"

    def admin(self):
        from confluent_kafka.admin import AdminClient

        return AdminClient(self.kafka_config("admin"))

    def create_topic(self, name, partitions=1, **config):
        from confluent_kafka.admin import NewTopic

        topic = NewTopic(name, num_partitions=partitions, replication_factor=1, config={k.replace("_", "."): str(v) for k, v in config.items()})
        admin = self.admin()
        for future in admin.create_topics([topic]).values():
            future.result()

    def jmx_counts(self, counter):
        """{topic: Count} of a counter per topic, e.g. BytesOutPerSec, from the broker itself."""
        done = self.script("kafka", "jmx", f"kafka.server:type=BrokerTopicMetrics,name={counter},topic=*")
        counts = {}
        for line in done.stdout.splitlines():
            name, found, value = line.partition(":Count=")
            if found:
                topic = name.partition("topic=")[2].partition(",")[0]
                counts[topic] = int(value)
        return counts
