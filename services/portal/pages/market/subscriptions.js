// Subscriptions, and one of them live: what was delivered, and what it costs so far.
import { html } from '/vendor/preact.js';
import { get, list, post } from '/parts/api.js';
import { bytes, date, decimal, money, time } from '/parts/format.js';
import { Empty, Loading, Problem, Tag, Title, UsageChart, useAction, useData } from '/parts/view.js';
import { Snippets } from '/parts/snippets.js';
import { Breakdown } from '/pages/money/invoices.js';

export function Subscriptions({ me }) {
  const [items, error] = useData(() => list('/v1/subscriptions'), []);
  const other = (s) => (s.consumer.id === me.organisation.id ? s.provider.name : s.consumer.name);
  return html`<${Title}>Subscriptions</${Title}>
    <${Problem} error=${error} />
    ${!items && !error && html`<${Loading} />`}
    ${items && items.length === 0 && html`<${Empty}>None yet. <a href="#/">Look into the catalogue.</a></${Empty}>`}
    ${items && items.length > 0 && html`<div class="scroll"><table>
      <thead><tr><th>Product</th><th>${me.organisation.is_consumer ? 'Provider' : 'Consumer'}</th><th>Plan</th><th>State</th><th>Requested</th></tr></thead>
      <tbody>${items.map((s) => html`<tr key=${s.id}><td><a href=${`#/subscriptions/${s.id}`}>${s.product.name}</a></td>
        <td>${other(s)}</td><td>${s.plan.name}</td><td><${Tag} state=${s.state} /></td><td>${time(s.requested_at)}</td></tr>`)}</tbody></table></div>`}`;
}

function Decide({ subscription, onDone }) {
  const [approve, approving, failed] = useAction(async () => { await post(`/v1/subscriptions/${subscription.id}/approve`, { reason: 'approved in the portal' }); onDone(); });
  const [deny, denying, refused] = useAction(async () => { await post(`/v1/subscriptions/${subscription.id}/deny`, { reason: 'denied in the portal' }); onDone(); });
  return html`<div class="note warn"><p>${subscription.consumer.name} asks for access with ${subscription.applications.length} application(s).</p>
    <${Problem} error=${failed || refused} />
    <div class="row"><button type="button" disabled=${approving || denying} onClick=${approve}>Approve</button>
      <button type="button" class="quiet" disabled=${approving || denying} onClick=${deny}>Deny</button></div></div>`;
}

function Usage({ usage }) {
  const t = usage.totals;
  return html`
    <h2>Usage this month</h2>
    <dl class="figures">
      <div class="figure"><dt>Bytes delivered</dt><dd data-bytes=${t.bytes}>${bytes(t.bytes)}<small>${decimal(t.bytes)} bytes</small></dd></div>
      <div class="figure"><dt>Messages</dt><dd data-messages=${t.messages}>${decimal(t.messages)}
        <small>${Number(t.open_fetches) > 0 ? `${t.open_fetches} fetch(es) not closed yet` : 'all fetches closed'}${t.derived_messages !== '0'
          && `; ${decimal(t.derived_messages)} derived from earlier fetches`}</small></dd></div>
      <div class="figure"><dt>Fetches with data</dt><dd>${decimal(t.fetches)}</dd></div>
      ${t.share_messages !== '0' && html`<div class="figure"><dt>By share groups</dt><dd>${decimal(t.share_messages)}<small>${decimal(t.share_bytes)} bytes, derived from what was produced${t.share_unknown !== '0' && `; of ${decimal(t.share_unknown)} messages not known`}</small></dd></div>`}
    </dl>
    ${usage.rows.length === 0 ? html`<${Empty}>Nothing has been read yet. Usage appears seconds after the first fetch.</${Empty}>` : html`
      <${UsageChart} rows=${usage.rows} />
      <details><summary>As a table</summary><div class="scroll"><table>
        <thead><tr><th>From</th><th>Topic</th><th>Delivery</th><th class="n">Bytes</th><th class="n">Messages</th><th class="n">Fetches</th><th>Metered by</th></tr></thead>
        <tbody>${usage.rows.map((r) => html`<tr><td>${time(r.from_at)}</td><td><code>${r.topic}</code></td><td>${r.delivery}</td>
          <td class="n">${decimal(r.bytes)}</td><td class="n">${decimal(r.messages)}</td><td class="n">${decimal(r.fetches)}</td><td>${r.metering_class.replace('_', ' ')}</td></tr>`)}</tbody>
      </table></div></details>`}`;
}

function Charges({ charges, zone }) {
  return html`<h2>Charges so far</h2>
    <dl class="figures"><div class="figure"><dt>${date(charges.period_from, zone)} – today</dt>
      <dd data-charge=${charges.amount}>${money(charges.amount, charges.currency)}<small>before tax; computed ${time(charges.computed_at)}</small></dd></div></dl>
    ${charges.lines.length > 0 && html`<div class="scroll"><table><thead><tr><th>Price</th><th class="n">Quantity</th><th class="n">Amount</th></tr></thead>
      <tbody>${charges.lines.map((l) => html`<tr><td>${l.price_id || l.kind}</td><td class="n">${l.quantity === undefined ? '' : decimal(l.quantity)}</td>
        <td class="n">${money(l.amount, charges.currency)}</td></tr><${Breakdown} rows=${l.rows} currency=${charges.currency} before="1" />`)}</tbody></table></div>`}`;
}

export function Subscription({ id, me }) {
  const path = `/v1/subscriptions/${encodeURIComponent(id)}`;
  const [s, error, reload] = useData(() => get(path), [id], 5000);
  const [usage] = useData(() => get(`${path}/usage?granularity=quarter`), [id], 2000);
  const [charges] = useData(() => get(`${path}/charges`), [id], 2000);
  if (error && !s) return html`<${Problem} error=${error} />`;
  if (!s) return html`<${Loading} />`;
  const mine = s.consumer.id === me.organisation.id;
  const first = s.topics[0] || {};
  return html`
    <${Title} lead=${`${s.consumer.name} reads from ${s.provider.name} on the plan “${s.plan.name}” (version ${s.plan.version}).`}>${s.product.name}</${Title}>
    <p><${Tag} state=${s.state} /> ${s.starts_at && html`<span class="muted">since ${time(s.starts_at)}</span>`}</p>
    ${s.state === 'requested' && (mine ? html`<div class="note" role="status"><p>Waiting for the approval of ${s.provider.name}.</p></div>`
      : html`<${Decide} subscription=${s} onDone=${reload} />`)}
    ${usage && html`<${Usage} usage=${usage} />`}
    ${charges && html`<${Charges} charges=${charges} zone=${me.organisation.time_zone} />`}
    <h2>Access</h2>
    <div class="card"><dl class="facts">
      <dt>Topics</dt><dd>${s.topics.map((t) => html`<div><code>${t.topic}</code> at <code>${t.bootstrap_servers}</code> (${t.cluster})</div>`)}</dd>
      <dt>Applications</dt><dd>${s.applications.map((a) => html`<div>${a.name} <code>${a.principal}</code></div>`)}</dd></dl>
      ${mine && s.applications.length > 0 && html`<${Snippets} clientId=${s.applications[0].principal}
        bootstrap=${first.bootstrap_servers} topic=${first.topic} protocol=${first.security_protocol} />`}</div>`;
}
