"""Weir's part of the storm: the database, a tap per broker, the meters."""

import psycopg
import requests
from brokers import NODES
from process import Process, plain_env
from stack import BIN, wait_for

CLUSTER = "storm"
LOG_TOPIC = f"weir.broker-log.{CLUSTER}"
LOG_PARTITIONS = 8
METERS = 3


class Weir:
    def __init__(self, stack, brokers, ports):
        self.stack, self.brokers, self.folder = stack, brokers, stack.folder
        self.taps = {node: self.tap(node, port) for node, port in zip(NODES, ports)}
        self.meters = {n: self.meter(n, port) for n, port in zip(range(1, METERS + 1), ports[len(NODES) :])}
        self.metric_ports = dict(zip([*(f"tap-{n}" for n in NODES), *(f"meter-{n}" for n in self.meters)], ports))

    def program(self, name, kind, port, **settings):
        password = self.folder / "secrets" / f"storm-{kind}"
        password.write_text(self.brokers.passwords[kind])
        env = {
            "WEIR_CLUSTER": CLUSTER,
            "WEIR_LOG_TOPIC": LOG_TOPIC,
            "WEIR_KAFKA_BOOTSTRAP": self.brokers.bootstrap(),
            "WEIR_KAFKA_USER": kind,
            "WEIR_KAFKA_PASSWORD_FILE": str(password),
            "WEIR_METRICS_LISTEN": f"127.0.0.1:{port}",
            **{f"WEIR_{key.upper()}": str(value) for key, value in settings.items()},
        }
        return Process(name, [BIN / kind], plain_env(**env), self.folder / "log" / f"{name}.out")

    def tap(self, node, port):
        home = self.brokers.home(node)
        state = self.folder / f"tap-{node}"
        state.mkdir()
        return self.program(
            f"tap-{node}", "weir-tap", port, broker_id=node, log_file=home / "logs" / "kafka-request.log", state_dir=state,
            broker_address=",".join(f"127.0.0.1:{broker_port}" for broker_port in self.brokers.ports[node]), control_interval="1s",
        )  # fmt: skip

    def meter(self, number, port):
        """Two of them are known to the group by name and have their partitions back at once, the third isn't."""
        named = {} if number == METERS else {"instance": f"meter-{number}"}
        url = self.folder / "secrets" / "url-weir_meter"
        return self.program(f"meter-{number}", "weir-meter", port, database_url_file=url, session_timeout="6s", batch_ms=200, **named)

    # --- life --------------------------------------------------------------------------------------------------------
    def prepare(self):
        """Migrates, registers the cluster, makes the log topic and the programs' rights."""
        self.stack.script("weir", "migrate")
        allow = self.brokers.allow
        allow("weir-tap", "TOPIC", "weir.broker-log.", "WRITE")
        allow("weir-meter", "TOPIC", "weir.broker-log.", "READ")
        allow("weir-meter", "GROUP", "weir-meter", "READ")
        self.brokers.create_topic(LOG_TOPIC, LOG_PARTITIONS, max_message_bytes=4194304, compression_type="producer")
        self.cluster_id = self.sql(
            "insert into cluster (name, bootstrap_servers, audience, metering_class, log_topic, log_partitions)"
            " values (%s, %s, %s, 'request_log', %s, %s) returning id",
            CLUSTER, self.brokers.bootstrap(True), CLUSTER, LOG_TOPIC, LOG_PARTITIONS,
        )[0][0]  # fmt: skip

    def start(self):
        for process in [*self.taps.values(), *self.meters.values()]:
            process.start()

    def stop(self):
        return {process.name: process.stop() for process in [*self.taps.values(), *self.meters.values()]}

    def kill_postgres(self):
        self.stack.kill("postgres")

    def start_postgres(self):
        self.stack.script("postgres", "up")

    def metric(self, name, metric):
        """The sum of a metric; None while the program doesn't answer."""
        try:
            text = requests.get(f"http://127.0.0.1:{self.metric_ports[name]}/metrics", timeout=2).text
        except requests.RequestException:
            return None
        values = [float(line.rpartition(" ")[2]) for line in text.splitlines() if line.startswith(metric) and line[len(metric)] in " {"]
        return sum(values) if values else None

    # --- what the database says --------------------------------------------------------------------------------------
    def sql(self, text, *parameters):
        with psycopg.connect(self.stack.database_url()) as connection:
            return connection.execute(text, parameters).fetchall()

    def usage(self):
        """{(principal, topic): {figure: value}}, without what is nothing but zeros."""
        figures = ("bytes", "messages", "fetches", "produced_bytes", "open_fetches")
        rows = self.sql(
            f"select principal, topic, {', '.join(f'sum({figure})::text' for figure in figures)} from usage_bound"
            " where cluster_id = %s group by 1, 2", self.cluster_id,
        )  # fmt: skip
        named = {("User:" + row[0], row[1]): {figure: int(value) for figure, value in zip(figures, row[2:])} for row in rows}
        return {key: row for key, row in named.items() if any(row.values())}

    def wait_told(self, since):
        """Until every broker has told in every partition that it is past `since`, and the meters have taken it."""
        def told():
            rows = self.sql("select count(*) from meter_position where cluster_id = %s and broker_time > %s", self.cluster_id, since)
            return rows[0][0] == len(NODES) * LOG_PARTITIONS

        try:
            wait_for(told, "every broker's word in every partition", 180, every=0.2)
        except TimeoutError as error:
            raise TimeoutError(f"{error}; positions: {self.positions()}; open gaps: {self.open_gaps()}") from None

    def positions(self):
        return self.sql("select log_partition, broker_id, generation, byte_offset, broker_time::text from meter_position order by 1, 2")

    def open_gaps(self):
        return self.sql("select log_partition, broker_id, generation, byte_offset, records from log_gap where closed_at is null")

    def holes(self):
        return self.sql("select broker_id, kind, from_generation, from_at, to_at, principal from log_hole order by noticed_at")

    def dead_letters(self):
        return self.sql("select broker_id, reason, line_at, line_bytes, api, principal, encode(substr(head, 1, 100), 'escape') from dead_letter")
