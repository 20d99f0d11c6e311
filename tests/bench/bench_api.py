"""Reads of weir-api against pgbench running the same statements on the same database.

Both sides set the tenant and run the query of `GET /v1/products/{id}` in one pipelined, prepared
round trip as the role weir_api. The API does on top of it: HTTP, the token, routing, rendering.
"""

import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "stack" / "support"))

import psycopg  # noqa: E402
import requests  # noqa: E402

from pairs import machine, ratio  # noqa: E402
from stack import Stack, wait_for  # noqa: E402

SECONDS = int(os.environ.get("BENCH_SECONDS", 6))
ROUNDS = 3
CONNECTIONS = 16


def seed(stack):
    """A marketplace with one provider, 1,000 products and a machine client. Returns (id, org, token)."""
    bin_folder = Path(os.environ.get("WEIR_BIN", ROOT / "build" / "bin"))
    password = stack.folder / "secrets" / "owner"
    password.write_text("bench password for nobody")
    credentials = stack.folder / "weirctl.conf"
    subprocess.run(
        [bin_folder / "weirctl", "bootstrap", "--marketplace", "Bench", "--operator-name", "Bench", "--operator-country", "DE",
         "--tax-percent", "19", "--owner-email", "bench@example.com", "--owner-password-file", password,
         "--database-url-file", stack.folder / "secrets" / "url-weir_owner", "--master-key-file", stack.folder / "secrets" / "master-key",
         "--credentials-file", credentials],
        check=True, capture_output=True,
    )
    with psycopg.connect(stack.database_url("weir_owner")) as db:
        org = db.execute("select id from organisation").fetchone()[0]
        db.execute(
            "with p as (insert into product (org_id, slug, name, description, tags, state)"
            " select %s, 'p' || n, 'Product ' || n, repeat('Prices of power, one message a tick. ', 6), '{energy,prices}', 'draft'"
            " from generate_series(1, 1000) n returning id, org_id)"
            " insert into product_version (product_id, number, org_id) select id, 1, org_id from p", (org,))
        product = db.execute("select id from product where slug = 'p500'").fetchone()[0]
        db.commit()
        db.autocommit = True
        db.execute("vacuum analyze")
    client = dict(line.split(" = ", 1) for line in credentials.read_text().splitlines() if " = " in line)

    def token():
        answer = requests.post(stack.api + "/oauth/token", auth=(client["client_id"], client["client_secret"]),
                               data={"grant_type": "client_credentials", "scope": "api"}, timeout=10)
        return answer.json().get("access_token")

    return str(product), str(org), token


def product_statement():
    text = (ROOT / "services" / "api" / "sql" / "products.sql").read_text()
    return re.search(r"-- name: product_get\n(.*?)\n-- name:", text, re.S).group(1).strip().rstrip(";")


def pgbench(stack, product, org):
    script = stack.folder / "read.sql"
    statement = re.sub(r"\$1", f"'{product}'", product_statement()).replace("\n", " ")
    script.write_text(
        "\\startpipeline\n"
        f"select set_config('weir.org', '{org}', true), set_config('weir.operator', 'on', true);\n{statement};\n"
        "\\endpipeline\n")
    done = subprocess.run(
        ["pgbench", "-n", "-M", "prepared", "-f", script, "-c", "4", "-j", "1", "-T", str(SECONDS), stack.database_url("weir_api")],
        capture_output=True, text=True, check=True)
    return float(re.search(r"tps = ([0-9.]+)", done.stdout).group(1))


def cpu_seconds(pid):
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def wrk(stack, product, token):
    done = subprocess.run(
        ["wrk", "-t", "1", "-c", str(CONNECTIONS), "-d", f"{SECONDS}s", "--latency", "-H", f"Authorization: Bearer {token}",
         f"{stack.api}/v1/products/{product}"],
        capture_output=True, text=True, check=True)
    if "Non-2xx" in done.stdout:
        sys.exit(f"the API refused requests:\n{done.stdout}")
    return float(re.search(r"Requests/sec:\s+([0-9.]+)", done.stdout).group(1)), re.search(r"99%\s+(\S+)", done.stdout).group(1)


def main():
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o711)
        with Stack(Path(folder) / "stack", WEIR_PG_FSYNC="on") as stack:
            stack.script("postgres", "up")
            stack.script("weir", "migrate")
            stack.script("weir", "up", "weir-api")
            product, org, token = seed(stack)
            bearer = wait_for(token, "a token for the new client")
            body = requests.get(f"{stack.api}/v1/products/{product}", headers={"Authorization": f"Bearer {bearer}"}, timeout=10)
            assert body.json()["id"] == product, body.text
            print(f"api: GET /v1/products/{{id}}, {len(body.content)} bytes, {CONNECTIONS} connections, {ROUNDS} rounds of {SECONDS} s; {machine()}")
            rates = {"weir-api": [], "pgbench": []}
            tail = ""
            cpu = reads = 0.0
            for _ in range(ROUNDS):
                before = cpu_seconds(stack.pid("weir-api"))
                rate, tail = wrk(stack, product, bearer)
                cpu += cpu_seconds(stack.pid("weir-api")) - before
                reads += rate * SECONDS
                rates["weir-api"].append(rate)
                rates["pgbench"].append(pgbench(stack, product, org))
            for name, values in rates.items():
                print(f"  {name:12} {sorted(values)[len(values) // 2]:9.0f} reads/s  (min {min(values):.0f}, max {max(values):.0f})"
                      + (f", p99 {tail}, {cpu / reads * 1e6:.1f} us CPU a read in weir-api" if name == "weir-api" else ""))
            ratio("api_read_vs_pgbench", sorted(rates["weir-api"])[ROUNDS // 2] / sorted(rates["pgbench"])[ROUNDS // 2], 0.7)


if __name__ == "__main__":
    main()
