"""Step 1: who takes part. The operator, a cluster, a provider, a consumer, and somebody who only looks on."""

import secrets
from dataclasses import dataclass, field

from .failure import StoryFailed
from .rest import Person

ZONE = "Europe/Berlin"
OPERATOR_EMAIL = "operator@dataharbour.example"


@dataclass
class Application:
    """A credential for Kafka."""

    id: str
    name: str
    principal: str
    secret: str = field(default="", repr=False)


@dataclass
class Party:
    id: str
    name: str
    email: str
    password_file: object
    person: Person
    prefix: str = ""
    applications: list = field(default_factory=list)


def new_password(path):
    path.touch(mode=0o600)
    path.write_text(secrets.token_urlsafe(18))
    return path.read_text()


def bootstrap(place):
    """The marketplace and its operator, once per stack."""
    password_file = place.secret_file("person-operator")
    if not password_file.exists():
        new_password(password_file)
    place.weirctl(
        "bootstrap",
        WEIR_MARKETPLACE="Data Harbour",
        WEIR_OPERATOR_NAME="Data Harbour GmbH",
        WEIR_OPERATOR_COUNTRY="DE",
        WEIR_OPERATOR_VAT_ID="DE123456788",
        WEIR_OPERATOR_STREET="Speicherstr. 1",
        WEIR_OPERATOR_POSTAL_CODE="20457",
        WEIR_OPERATOR_CITY="Hamburg",
        WEIR_OPERATOR_TIME_ZONE=ZONE,
        WEIR_TAX_PERCENT="19",
        WEIR_OWNER_EMAIL=OPERATOR_EMAIL,
        WEIR_OWNER_NAME="Ada Ops",
        WEIR_OWNER_PASSWORD_FILE=password_file,
        WEIR_CREDENTIALS_FILE=place.folder / "weirctl.conf",
        WEIR_MASTER_KEY_FILE=place.secret_file("master-key"),
        WEIR_DATABASE_URL_FILE=place.secret_file("url-weir_owner"),
    )
    person = Person(place.api, OPERATOR_EMAIL, password_file.read_text())
    me = person.get("/v1/me")
    return Party(me["organisation"]["id"], me["organisation"]["name"], OPERATOR_EMAIL, password_file, person)


def register_cluster(place, operator):
    """The stack's cluster as Weir knows it; the one there already, if it is."""
    for cluster in operator.person.items("/v1/clusters"):
        if cluster["name"] == place.cluster:
            if cluster["security_protocol"] != place.client_protocol:
                raise StoryFailed(
                    f"Weir knows cluster {place.cluster} with {cluster['security_protocol']}, its broker speaks {place.client_protocol};"
                    " begin anew: deploy/local/stack.sh purge"
                )
            return cluster
    return operator.person.post(
        "/v1/clusters",
        name=place.cluster,
        bootstrap_servers=place.client,
        security_protocol=place.client_protocol,
        audience=place.settings.get("WEIR_TOKEN_AUDIENCE", place.cluster),
        metering_class="request_log",
        log_partitions=log_partitions(place),
        brokers=[1],
    )


def log_partitions(place):
    from confluent_kafka.admin import AdminClient

    name = f"weir.broker-log.{place.cluster}"
    return len(AdminClient(admin_config(place)).list_topics(name, timeout=10).topics[name].partitions)


def admin_config(place):
    """confluent-kafka's settings for the operator's own Kafka user."""
    return {
        "bootstrap.servers": place.internal,
        "security.protocol": place.internal_protocol,
        "ssl.ca.location": str(place.ca),
        "sasl.mechanism": "PLAIN",
        "sasl.username": "admin",
        "sasl.password": place.secret("kafka-admin"),
        "log_level": 2,
    }


def sign_up(place, run_folder, name, country, role, owner, domain, **address):
    """An organisation signs itself up and its owner signs in."""
    password_file = run_folder / f"password-{owner.split()[0].lower()}"
    password = new_password(password_file)
    email = f"{owner.split()[0].lower()}@{domain}"
    organisation = Person(place.api).post(
        "/v1/organisations",
        name=name,
        country=country,
        billing_email=f"billing@{domain}",
        time_zone=ZONE,
        currency="EUR",
        roles=[role],
        address=address,
        owner={"email": email, "name": owner, "password": password},
    )
    return Party(organisation["id"], name, email, password_file, Person(place.api, email, password))


def give_prefix(operator, party, prefix):
    operator.person.patch(f"/v1/organisations/{party.id}", topic_prefix=prefix, verified=True)
    party.prefix = prefix


def make_application(party, name, with_secret=True):
    made = party.person.post("/v1/applications", name=name)
    application = Application(made["id"], name, made["principal"])
    if with_secret:
        application.secret = party.person.post(f"/v1/applications/{made['id']}/secrets")["secret"]
    party.applications.append(application)
    return application


def make_producer(party, name, cluster):
    application = make_application(party, name)
    party.person.post(f"/v1/applications/{application.id}/producer-grants", cluster_id=cluster["id"])
    return application
