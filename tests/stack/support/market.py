"""A small marketplace written straight into the database, for tests that start below the API.

Everything has names of its own, so tests of one session don't meet. The connection is the owner's:
row-level security does not apply to it.
"""

import json
import uuid

import psycopg
from psycopg.rows import dict_row

from tokens import principal_name


class Market:
    def __init__(self, stack):
        self.stack = stack
        self.db = psycopg.connect(stack.database_url("postgres"), autocommit=True, row_factory=dict_row)
        self.run("insert into marketplace (name) values ('Test market') on conflict do nothing")
        self.operator = self.value("select id from organisation where is_operator") or self.organisation(
            "Operator", is_operator=True, country="DE", zone="Europe/Berlin"
        )

    def close(self):
        self.db.close()

    # --- SQL -----------------------------------------------------------------------------------------
    def run(self, sql, *values):
        self.db.execute(sql, values)

    def rows(self, sql, *values):
        return self.db.execute(sql, values).fetchall()

    def row(self, sql, *values):
        return self.db.execute(sql, values).fetchone()

    def value(self, sql, *values):
        row = self.row(sql, *values)
        return None if row is None else next(iter(row.values()))

    # --- parties -------------------------------------------------------------------------------------
    def organisation(self, name, country="DE", zone="Europe/Berlin", is_operator=False, currency="EUR"):
        return self.value(
            """insert into organisation (name, country, billing_email, time_zone, currency, is_operator, is_provider, is_consumer)
               values (%s, %s, 'billing@example.test', %s, %s, %s, true, true) returning id""",
            name, country, zone, currency, is_operator,
        )

    def application(self, org, name="app", who=None, adopted=False):
        who = who or principal_name()
        row = self.row(
            "insert into application (org_id, name, principal, adopted) values (%s, %s, %s, %s) returning id", org, name, who, adopted
        )
        return row["id"], who

    def cluster(self, name, partitions=8, brokers=(1,), bootstrap="127.0.0.1:1"):
        cluster = self.value("select id from cluster where name = %s", name)
        if cluster is None:
            cluster = self.value(
                """insert into cluster (name, bootstrap_servers, audience, metering_class, log_topic, log_partitions)
                   values (%s, %s, %s, 'request_log', %s, %s) returning id""",
                name, bootstrap, name, f"weir.broker-log.{name}", partitions,
            )
            for broker in brokers:
                self.run("insert into cluster_broker (cluster_id, broker_id) values (%s, %s)", cluster, broker)
        return cluster

    # --- what is sold --------------------------------------------------------------------------------
    def product(self, provider, topics, plan, share, name="Market ticks", currency="EUR"):
        """topics: [(cluster, topic)]. Returns (product, plan)."""
        product = self.value(
            "insert into product (org_id, slug, name, state) values (%s, %s, %s, 'published') returning id",
            provider, "p-" + uuid.uuid4().hex[:12], name,
        )
        self.run("insert into product_version (product_id, number, org_id) values (%s, 1, %s)", product, provider)
        for cluster, topic in topics:
            self.run(
                "insert into product_topic (product_id, number, org_id, cluster_id, topic) values (%s, 1, %s, %s, %s)",
                product, provider, cluster, topic,
            )
        plan_id = self.value(
            "insert into plan (product_id, org_id, code, name) values (%s, %s, 'standard', 'Standard') returning id", product, provider
        )
        self.run(
            """insert into plan_version (plan_id, number, org_id, valid_from, currency, body, revenue_share)
               values (%s, 1, %s, '2020-01-01', %s, %s, %s)""",
            plan_id, provider, currency, json.dumps(plan), json.dumps(share),
        )
        return product, plan_id

    def subscription(self, consumer, provider, product, plan, starts, ends=None, state="active"):
        return self.value(
            """insert into subscription (org_id, provider_org_id, product_id, product_version, plan_id, plan_version,
                                         state, terms_sha256, starts_at, ends_at)
               values (%s, %s, %s, 1, %s, 1, %s, ''::bytea, %s, %s) returning id""",
            consumer, provider, product, plan, state, starts, ends,
        )

    def grant(self, cluster, application, org, topic, subscription, begins="now()", ends=None):
        return self.value(
            """insert into grant_period (cluster_id, application_id, org_id, topic, subscription_id, during)
               values (%s, %s, %s, %s, %s, tstzrange(%s::timestamptz, %s::timestamptz)) returning id""",
            cluster, application, org, topic, subscription, begins, ends,
        )

    def end_grant(self, grant):
        self.run("update grant_period set during = tstzrange(lower(during), clock_timestamp()) where id = %s", grant)

    def usage(self, cluster, who, topic, at, subscription, application, bytes=0, messages=0, fetches=0, delivery=0, **more):
        """Adds to the row of that quarter hour, as the meter does, and touches the subscription."""
        columns = {"bytes": bytes, "messages": messages, "fetches": fetches, **more}
        names = list(columns)
        self.run(
            f"""insert into usage_quarter (cluster_id, principal, topic, delivery, from_at, subscription_id, application_id,
                                           metering_class, {", ".join(names)})
                values (%s, %s, %s, %s, %s, %s, %s, 'request_log', {", ".join(["%s"] * len(names))})
                on conflict (cluster_id, principal, topic, delivery, from_at) do update
                   set {", ".join(f"{n} = usage_quarter.{n} + excluded.{n}" for n in names)}""",
            cluster, who, topic, delivery, at, subscription, application, *columns.values(),
        )
        self.run(
            """insert into usage_touch (subscription_id) values (%s)
               on conflict (subscription_id) do update set touched_at = clock_timestamp()""",
            subscription,
        )

    def hear(self, cluster, until, broker=1, partitions=8):
        """A control record of the broker in every log partition."""
        for partition in range(partitions):
            self.run(
                """insert into meter_position (cluster_id, log_partition, broker_id, generation, byte_offset, broker_time)
                   values (%s, %s, %s, 1, 1000, %s)
                   on conflict (cluster_id, log_partition, broker_id) do update set broker_time = excluded.broker_time""",
                cluster, partition, broker, until,
            )

    # --- documents -----------------------------------------------------------------------------------
    def entity(self):
        return self.value("select id from issuing_entity limit 1") or self.value(
            """insert into issuing_entity (org_id, name, country, time_zone)
               values (%s, 'Weir GmbH', 'DE', 'Europe/Berlin') returning id""",
            self.operator,
        )

    def draft(self, sale, net="10.00"):
        """An invoice of one line with its tax and its split. `sale`: consumer, provider, product, plan, subscription."""
        document = self.value(
            """insert into document (kind, org_id, entity_id, currency, period_from, period_to, usage_end, time_zone, net, tax, total)
               values ('invoice', %s, %s, 'EUR', '2026-01-01', '2026-02-01', '2026-02-01', 'UTC', %s, 0, %s) returning id""",
            sale.consumer, self.entity(), net, net,
        )
        self.run(
            """insert into document_line (document_id, line, org_id, subscription_id, provider_org_id, product_id, plan_id, plan_version,
                      kind, description, base, amount, net, tax_category, tax_rate, rows, service_from, service_to, product_name, provider_name)
               values (%s, 1, %s, %s, %s, %s, %s, 1, 'fixed', 'Fee', %s, %s, %s, 'Z', 0, '[]', '2026-01-01', '2026-02-01', 'Ticks', 'Provider')""",
            document, sale.consumer, sale.subscription, sale.provider, sale.product, sale.plan, net, net, net,
        )
        self.run("insert into document_tax (document_id, category, rate, net, amount) values (%s, 'Z', 0, %s, 0)", document, net)
        self.run(
            "insert into document_split (document_id, line, party, party_org_id, amount) values (%s, 1, 'provider', %s, %s)",
            document, sale.provider, net,
        )
        return document

    def issue(self, document, kind="invoice", prefix="T-"):
        """Takes the next number of a series, as weir-biller does."""
        with self.db.transaction():
            self.run(
                "insert into document_series (entity_id, kind, prefix) values (%s, %s, %s) on conflict do nothing", self.entity(), kind, prefix
            )
            taken = self.row(
                """update document_series set next_number = next_number + 1, last_issue_date = greatest(last_issue_date, '2026-02-01')
                    where entity_id = %s and kind = %s and prefix = %s
                returning id, prefix || lpad((next_number - 1)::text, 6, '0') as number, last_issue_date""",
                self.entity(), kind, prefix,
            )
            self.run(
                "update document set state = 'issued', series_id = %s, number = %s, issue_date = %s, issued_at = now() where id = %s",
                taken["id"], taken["number"], taken["last_issue_date"], document,
            )
        return taken["number"]
