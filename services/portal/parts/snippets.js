// Working client settings for a credential. Same text for all: filled in, copied, run.
import { html, useState } from '/vendor/preact.js';

const java = (c) => `# client.properties, then:
#   kafka-console-consumer.sh --bootstrap-server ${c.bootstrap} --topic ${c.topic} \\
#     --command-config client.properties --group ${c.id}.reader --from-beginning
# (the JVM needs -Dorg.apache.kafka.sasl.oauthbearer.allowed.urls=${c.token})
bootstrap.servers=${c.bootstrap}
group.id=${c.id}.reader
security.protocol=${c.protocol}${c.tls ? `
# where the operator signs its certificates itself:
# ssl.truststore.type=PEM
# ssl.truststore.location=ca.pem` : ''}
sasl.mechanism=OAUTHBEARER
sasl.login.callback.handler.class=org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginCallbackHandler
sasl.oauthbearer.token.endpoint.url=${c.token}
sasl.oauthbearer.client.credentials.client.id=${c.id}
sasl.oauthbearer.client.credentials.client.secret=${c.secret}
sasl.jaas.config=org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginModule required;`;

const python = (c) => `# pip install confluent-kafka
from confluent_kafka import Consumer

consumer = Consumer({
    "bootstrap.servers": "${c.bootstrap}",
    "group.id": "${c.id}.reader",
    "auto.offset.reset": "earliest",
    "security.protocol": "${c.protocol}",${c.tls ? `
    # "ssl.ca.location": "ca.pem",  # where the operator signs its certificates itself` : ''}
    "sasl.mechanism": "OAUTHBEARER",
    "sasl.oauthbearer.method": "oidc",
    "sasl.oauthbearer.token.endpoint.url": "${c.token}",
    "sasl.oauthbearer.client.id": "${c.id}",
    "sasl.oauthbearer.client.secret": "${c.secret}",
})
consumer.subscribe(["${c.topic}"])
while True:
    message = consumer.poll(1.0)
    if message is not None and message.error() is None:
        print(message.value())`;

const librdkafka = (c) => `# librdkafka with OIDC (2.0 or newer, built with curl); kcat -F weir.conf -C -t ${c.topic}
bootstrap.servers=${c.bootstrap}
group.id=${c.id}.reader
security.protocol=${c.protocol}${c.tls ? `
# where the operator signs its certificates itself:
# ssl.ca.location=ca.pem` : ''}
sasl.mechanism=OAUTHBEARER
sasl.oauthbearer.method=oidc
sasl.oauthbearer.token.endpoint.url=${c.token}
sasl.oauthbearer.client.id=${c.id}
sasl.oauthbearer.client.secret=${c.secret}`;

const KINDS = [['Java', java], ['Python', python], ['librdkafka', librdkafka]];

export function Snippets({ clientId, secret, bootstrap, topic, protocol }) {
  const [kind, setKind] = useState(0);
  const c = {
    id: clientId,
    secret: secret || '<the secret shown when it was made>',
    bootstrap: bootstrap || '<bootstrap servers of the product’s cluster>',
    topic: topic || '<topic of your subscription>',
    token: `${location.origin}/oauth/token`,
    protocol: protocol || 'SASL_SSL',
    tls: protocol !== 'SASL_PLAINTEXT',
  };
  const text = KINDS[kind][1](c);
  return html`<div>
    <div class="tabs" role="tablist" aria-label="Client">${KINDS.map(([name], i) => html`
      <button type="button" role="tab" aria-selected=${i === kind ? 'true' : 'false'} onClick=${() => setKind(i)}>${name}</button>`)}</div>
    <pre tabindex="0" data-snippet=${KINDS[kind][0]}>${text}</pre>
    <p class="muted">Consumer groups must begin with <code>${clientId}.</code> – no other prefix is granted. Nor is another
      for the <code>transactional.id</code> of an application that may write.</p></div>`;
}
