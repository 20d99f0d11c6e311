// Discovery: the catalogue, a product with its prices, and the subscription to it.
import { html, useState } from '/vendor/preact.js';
import { get, list, post } from '/parts/api.js';
import { priceInWords } from '/parts/format.js';
import { Empty, Loading, Problem, Tag, Title, useAction, useData } from '/parts/view.js';

export function Catalogue() {
  const [query, setQuery] = useState('');
  const [asked, setAsked] = useState('');
  const [items, error] = useData(() => list(`/v1/products${asked ? `?q=${encodeURIComponent(asked)}` : ''}`), [asked]);
  const search = (e) => { e.preventDefault(); setAsked(query.trim()); };
  return html`
    <${Title} lead="Data streams you can subscribe to. You pay for what the broker delivered to you, to the byte.">Catalogue</${Title}>
    <form role="search" class="row" style="margin:0 0 1.2rem" onSubmit=${search}>
      <label for="q" class="skip">Search</label>
      <input id="q" type="search" placeholder="Search products" style="max-width:24rem" value=${query} onInput=${(e) => setQuery(e.target.value)} />
      <button>Search</button></form>
    <${Problem} error=${error} />
    ${!items && !error && html`<${Loading} />`}
    ${items && items.length === 0 && html`<${Empty}>${asked ? `Nothing matches “${asked}”.` : 'No product is published yet.'}</${Empty}>`}
    ${items && html`<ul class="grid">${items.map((p) => html`
      <li class="card" key=${p.id}>
        <h2><a href=${`#/products/${p.id}`}>${p.name}</a></h2>
        <span class="muted">by ${p.provider.name} ${p.state !== 'published' && html`<${Tag} state=${p.state} />`}</span>
        <p style="margin:0">${p.description.length > 180 ? `${p.description.slice(0, 180)} …` : p.description}</p>
        <div>${p.tags.map((t) => html`<span class="tag">${t}</span> `)}</div>
      </li>`)}</ul>`}`;
}

function Plan({ plan }) {
  return html`<section class="card"><h3 style="margin:.1rem 0">${plan.name}</h3>
    <ul>${plan.plan.prices.map((price) => html`
      <li><strong>${price.price_id}</strong>
        <ul>${priceInWords(price, plan.currency).map((words) => html`<li>${words}</li>`)}</ul></li>`)}</ul>
    <p class="muted" style="margin:0">Version ${plan.number}, in ${plan.currency}. 1 GB is 10⁹ bytes as stored by the broker, compressed.</p></section>`;
}

function Subscribe({ product, me }) {
  const [applications, error] = useData(() => list('/v1/applications'), []);
  const [plan, setPlan] = useState(product.plans.length ? product.plans[0].id : '');
  const [chosen, setChosen] = useState([]);
  const [terms, setTerms] = useState(false);
  const [submit, busy, failed] = useAction(async () => {
    const s = await post('/v1/subscriptions',
      { product_id: product.id, plan_id: plan, application_ids: chosen, terms_accepted: terms });
    location.hash = `#/subscriptions/${s.id}`;
  });
  if (!me.organisation.is_consumer) return html`<p class="muted">${me.organisation.name} is not registered as a consumer, so it can’t subscribe.</p>`;
  if (error) return html`<${Problem} error=${error} />`;
  if (!applications) return html`<${Loading} />`;
  const toggle = (id) => setChosen((c) => (c.includes(id) ? c.filter((x) => x !== id) : [...c, id]));
  return html`<form onSubmit=${submit}>
    <label for="plan">Plan</label>
    <select id="plan" value=${plan} onChange=${(e) => setPlan(e.target.value)}>
      ${product.plans.map((p) => html`<option value=${p.id}>${p.name} (${p.currency})</option>`)}</select>
    <fieldset><legend>Applications that will read</legend>
      ${applications.length === 0 && html`<p>You have none yet: <a href="#/applications">make one</a> first.</p>`}
      ${applications.map((a) => html`<label class="check"><input type="checkbox" checked=${chosen.includes(a.id)} onChange=${() => toggle(a.id)} />
        <span>${a.name} <code>${a.principal}</code></span></label>`)}</fieldset>
    <label class="check"><input type="checkbox" checked=${terms} onChange=${(e) => setTerms(e.target.checked)} />
      <span>I accept the contract of this product (version ${product.published_version}).</span></label>
    <p class="muted">What is counted: the bytes the broker handed to your connection, as stored (compressed). The end of a batch
      that your own fetch limits cut off is sent again and counts twice: nothing for a reader that keeps up, up to 3.3 % in our
      tests for librdkafka's defaults catching up after an outage, far more with limits near the size of a batch. An answer to
      a client that has just gone counts, too.</p>
    <${Problem} error=${failed} />
    <button disabled=${busy || !terms || chosen.length === 0 || !plan}>${busy ? 'Subscribing …' : 'Subscribe'}</button>
  </form>`;
}

export function Product({ id, me }) {
  const [p, error] = useData(() => get(`/v1/products/${encodeURIComponent(id)}`), [id]);
  if (error) return html`<${Problem} error=${error} />`;
  if (!p) return html`<${Loading} />`;
  return html`
    <${Title} lead=${`by ${p.provider.name}`}>${p.name}</${Title}>
    <div class="two"><div>
      <div class="card"><p style="margin-top:0">${p.description}</p>
        <dl class="facts">
          <dt>State</dt><dd><${Tag} state=${p.state} /></dd>
          <dt>Topics</dt><dd>${p.topics.map((t) => html`<div><code>${t.topic}</code> on ${t.cluster}</div>`)}</dd>
          <dt>Contract</dt><dd>${p.contract ? html`<a href=${`/v1/products/${p.id}/contract`} download>ODCS, ${p.contract.bytes} bytes</a>
            <div class="muted mono">sha256 ${p.contract.sha256}</div>` : 'none'}</dd>
        </dl></div>
      <h2>Plans</h2>
      ${p.plans.length === 0 && html`<${Empty}>No plan yet.</${Empty}>`}
      ${p.plans.map((plan) => html`<${Plan} plan=${plan} key=${plan.id} />`)}
    </div>
    <aside class="card" aria-labelledby="subscribe"><h2 id="subscribe" style="margin-top:0">Subscribe</h2>
      ${p.state === 'published' && p.plans.length > 0 ? html`<${Subscribe} product=${p} me=${me} />`
        : html`<p class="muted">This product can’t be subscribed to now.</p>`}
    </aside></div>`;
}
