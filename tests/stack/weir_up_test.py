"""The whole stack: what `make up` promises about Weir's own programs."""

import json
import os
import urllib.request
from pathlib import Path

from confluent_kafka import ConsumerGroupState, KafkaException
from market import Market
from stack import wait_for

PROGRAMS = ["weir-api", "weir-tap", "weir-meter", "weir-biller", "weir-access"]


def secrets_of(stack):
    return {path.name: path.read_text().strip() for path in (stack.folder / "secrets").iterdir()}


def test_every_program__is_up(weir):
    assert [name for name in PROGRAMS if weir.pid(name) is None] == []
    assert weir.script("stack", "status").returncode == 0


def test_second_up__is_a_no_op(weir):
    names = [*PROGRAMS, "kafka"]
    before = [weir.pid(name) for name in names]
    weir.up()
    assert [weir.pid(name) for name in names] == before


def test_broker__took_the_keys_from_the_api(weir):
    with urllib.request.urlopen(f"{weir.api}/.well-known/jwks.json", timeout=10) as answer:
        keys = json.load(answer)["keys"]
    assert keys and all(key["kty"] == "EC" and "d" not in key for key in keys)
    properties = (weir.folder / "kafka" / "server.properties").read_text()
    assert f"jwks.endpoint.url={weir.api}/.well-known/jwks.json" in properties


def test_secrets__stay_out_of_command_lines_and_environments(weir):
    for name in PROGRAMS:
        for place in ("cmdline", "environ"):
            with open(f"/proc/{weir.pid(name)}/{place}", "rb") as file:
                text = file.read().decode()
            for secret, value in secrets_of(weir).items():
                assert value not in text, f"{secret} in {place} of {name}"


def test_programs__have_no_capability_and_no_way_to_one(weir):
    for name in PROGRAMS:
        status = Path(f"/proc/{weir.pid(name)}/status").read_text()
        fields = dict(line.split(":\t", 1) for line in status.splitlines())
        assert fields["NoNewPrivs"] == "1", name
        held = {kind: int(fields[kind], 16) for kind in ("CapInh", "CapPrm", "CapEff", "CapAmb")}
        assert not any(held.values()), f"{name}: {held}"
        if os.geteuid() == 0:
            assert int(fields["CapBnd"], 16) == 0, name


def test_secrets__stay_out_of_logs(weir):
    logs = [path for path in (weir.folder / "log").iterdir() if path.is_file()]
    assert len(logs) >= len(PROGRAMS)
    for path in [*logs, *weir.request_logs()]:
        text = path.read_text(errors="replace")
        for secret, value in secrets_of(weir).items():
            assert value not in text, f"{secret} in {path.name}"


def test_killed_program__comes_back_with_up(weir):
    for name in PROGRAMS:
        weir.kill(name)
    assert weir.script("stack", "status", check=False).returncode != 0
    weir.up()
    assert [name for name in PROGRAMS if weir.pid(name) is None] == []


def test_killed_meter__does_not_wait_for_its_own_dead_session(weir):
    """Its session would hold the partitions for five minutes; the stack gives it a name of its own in the group."""
    group, admin = "weir-meter", weir.admin()

    def member_after(known):
        """The member with all partitions, once it is another than `known`."""
        try:
            told = admin.describe_consumer_groups([group], request_timeout=10)[group].result(20)
        except KafkaException:
            return None  # its coordinator isn't there yet
        if told.state != ConsumerGroupState.STABLE or len(told.members) != 1 or len(told.members[0].assignment.topic_partitions) != 8:
            return None
        return told.members[0] if told.members[0].member_id != known else None

    market = Market(weir)
    market.cluster("local")
    market.close()
    first = wait_for(lambda: member_after(None), "the meter's partitions")
    weir.script("weir", "down", "weir-meter")
    weir.script("weir", "up", "weir-meter", WEIR_EXTRA_METER="WEIR_SESSION_TIMEOUT=5m")
    long = wait_for(lambda: member_after(first.member_id), "a meter with a long session")
    weir.kill("weir-meter")
    weir.script("weir", "up", "weir-meter")
    again = wait_for(lambda: member_after(long.member_id), "its partitions again")
    assert {member.group_instance_id for member in (first, long, again)} == {"meter-1"}


def test_down__leaves_nothing_and_up_goes_on(weir):
    pids = [weir.pid(name) for name in PROGRAMS]
    weir.down()
    assert [weir.pid(name) for name in [*PROGRAMS, "kafka"]] == [None] * (len(PROGRAMS) + 1)
    # They have ended; init takes them off its list a moment later.
    wait_for(lambda: not any(Path(f"/proc/{pid}").exists() for pid in pids), "the processes to be gone")
    weir.up()
    assert [name for name in PROGRAMS if weir.pid(name) is None] == []
