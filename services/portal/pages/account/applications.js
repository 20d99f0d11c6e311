// Applications: the unit of credentials. A secret is shown once, with settings that work.
import { html, useState } from '/vendor/preact.js';
import { get, list, post } from '/parts/api.js';
import { time } from '/parts/format.js';
import { Empty, Loading, Problem, Tag, Title, useAction, useData } from '/parts/view.js';
import { Snippets } from '/parts/snippets.js';

function NewApplication({ onDone }) {
  const [name, setName] = useState('');
  const [submit, busy, error] = useAction(async () => {
    await post('/v1/applications', { name });
    setName('');
    onDone();
  });
  return html`<form class="card" onSubmit=${submit}><h2 style="margin-top:0">New application</h2>
    <label for="name">Name</label>
    <input id="name" required maxlength="200" placeholder="e.g. pricing-job, production" value=${name} onInput=${(e) => setName(e.target.value)} />
    <p class="muted">One application is one credential: keep production and development apart.</p>
    <${Problem} error=${error} /><button disabled=${busy}>Create</button></form>`;
}

function Application({ id, target }) {
  const [application, problem, reload] = useData(() => get(`/v1/applications/${id}`), [id]);
  const [made, setMade] = useState(null);
  const [make, busy, error] = useAction(async () => {
    setMade(await post(`/v1/applications/${id}/secrets`));
    reload();
  });
  if (problem) return html`<${Problem} error=${problem} />`;
  if (!application) return html`<${Loading} />`;
  const live = application.secrets.filter((s) => !s.revoked_at);
  return html`<section class="card" data-application=${application.name}>
    <h2 style="margin-top:0">${application.name} <${Tag} state=${application.state} /></h2>
    <dl class="facts"><dt>Client id and principal</dt><dd><code>${application.client_id}</code></dd>
      <dt>Secrets</dt><dd>${live.length === 0 ? 'none yet' : live.map((s) => html`<div>made ${time(s.created_at)}</div>`)}</dd></dl>
    ${made && html`<div class="note warn" role="status"><p><strong>Copy this secret now. It is shown once and can’t be read again.</strong></p>
      <p class="secret" data-secret>${made.secret}</p></div>
      <${Snippets} clientId=${application.client_id} secret=${made.secret} ...${target} />`}
    <${Problem} error=${error} />
    <div class="row"><button type="button" class=${live.length ? 'quiet' : ''} disabled=${busy} onClick=${make}>
      ${live.length ? 'Make another secret (to rotate)' : 'Make a secret'}</button></div></section>`;
}

export function Applications() {
  const [items, error, reload] = useData(() => list('/v1/applications'), []);
  const [subscriptions] = useData(() => list('/v1/subscriptions'), []);
  const targetOf = (application) => {
    const s = (subscriptions || []).find((x) => x.applications.some((a) => a.id === application.id) && x.topics.length > 0);
    return s ? { bootstrap: s.topics[0].bootstrap_servers, topic: s.topics[0].topic, protocol: s.topics[0].security_protocol } : {};
  };
  return html`<${Title} lead="An application reads from Kafka with its own credential. A subscription names the applications it is for.">Applications</${Title}>
    <div class="two"><div>
      <${Problem} error=${error} />
      ${!items && !error && html`<${Loading} />`}
      ${items && items.length === 0 && html`<${Empty}>No application yet.</${Empty}>`}
      ${items && items.map((a) => html`<${Application} key=${a.id} id=${a.id} target=${targetOf(a)} />`)}
    </div><${NewApplication} onDone=${reload} /></div>`;
}
