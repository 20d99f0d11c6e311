// Invoices of a consumer and statements of a provider, each line with the breakdown that adds up to it.
import { html } from '/vendor/preact.js';
import { get, list } from '/parts/api.js';
import { date, decimal, lastDay, money, time } from '/parts/format.js';
import { Empty, Loading, Problem, Tag, Title, useData } from '/parts/view.js';

// The rows of a rated line: a tier, a free part, a package, each with its amount.
export function Breakdown({ rows, currency, before = '1' }) {
  const words = (r) => {
    const parts = [];
    if (r.tier !== undefined) parts.push(`tier ${r.tier}`);
    if (r.from !== undefined) parts.push(r.up_to === null ? `above ${decimal(r.from)}` : `${decimal(r.from)} to ${decimal(r.up_to)}`);
    if (r.unit_amount !== undefined) parts.push(`at ${decimal(r.unit_amount)}`);
    if (r.period_days !== undefined) parts.push(`${money(r.flat_amount, currency)} × ${r.billable_days} of ${r.period_days} days`);
    else if (r.flat_amount !== undefined && Number(r.flat_amount) !== 0) parts.push(`+ ${money(r.flat_amount, currency)}`);
    if (r.reason && r.reason !== 'billed') parts.push(`(${r.reason})`);
    return parts.join(' ') || r.reason;
  };
  return (rows || []).map((r) => html`<tr class="part"><td colspan=${before}>↳ ${words(r)}</td>
    <td class="n">${r.quantity === undefined ? '' : decimal(r.quantity)}</td>
    <td class="n">${r.amount === undefined ? '' : money(r.amount, currency)}</td></tr>`);
}

const period = (d) => `${date(d.period_from, d.time_zone)} – ${lastDay(d.period_to, d.time_zone)}`;

export function Invoices({ me }) {
  const [items, error] = useData(() => list('/v1/invoices'), []);
  return html`<${Title}>Invoices</${Title}><${Problem} error=${error} />
    ${!items && !error && html`<${Loading} />`}
    ${items && items.length === 0 && html`<${Empty}>No invoice yet. One is written when a period is closed.</${Empty}>`}
    ${items && items.length > 0 && html`<div class="scroll"><table>
      <thead><tr><th>Number</th><th>Period</th><th>Issued</th><th>Due</th><th>Standing</th><th class="n">Total</th></tr></thead>
      <tbody>${items.map((d) => html`<tr key=${d.id}><td><a href=${`#/invoices/${d.id}`}>${d.number || 'draft'}</a></td><td>${period(d)}</td>
        <td>${date(d.issue_date)}</td><td>${date(d.due_date)}</td><td>${d.standing && html`<${Tag} state=${d.standing} />`}</td>
        <td class="n">${money(d.total, d.currency)}</td></tr>`)}</tbody></table></div>
      <div class="row">${['csv', 'json'].map((f) => html`<a class="button" download href=${`/v1/exports/invoices?format=${f}`}>Invoices as ${f.toUpperCase()}</a>
        <a class="button" download href=${`/v1/exports/invoice-lines?format=${f}`}>Lines as ${f.toUpperCase()}</a>`)}</div>`}`;
}

function Party({ title, party }) {
  const a = party.address || {};
  return html`<div class="card"><h2 style="margin-top:0">${title}</h2><strong>${party.name}</strong>
    ${[a.street, [a.postal_code, a.city].filter(Boolean).join(' '), party.country].filter(Boolean).map((x) => html`<div>${x}</div>`)}
    ${party.vat_id && html`<div class="muted">VAT ${party.vat_id}</div>`}</div>`;
}

export function Invoice({ id }) {
  const [d, error] = useData(() => get(`/v1/invoices/${encodeURIComponent(id)}`), [id]);
  if (error) return html`<${Problem} error=${error} />`;
  if (!d) return html`<${Loading} />`;
  return html`
    <${Title} lead=${`For ${period(d)} (${d.time_zone})`}>Invoice ${d.number || '(draft)'}</${Title}>
    <p>${d.standing && html`<${Tag} state=${d.standing} />`} <span class="muted">issued ${date(d.issue_date)}, due ${date(d.due_date)}</span></p>
    <div class="parties"><${Party} title="From" party=${d.seller} /><${Party} title="To" party=${d.buyer} /></div>
    <div class="scroll"><table>
      <thead><tr><th>#</th><th>What</th><th class="n">Quantity</th><th class="n">Net</th></tr></thead>
      <tbody>${d.lines.map((l) => html`<tr key=${l.line}><td>${l.line}</td>
          <td><strong>${l.description}</strong><div class="muted">${l.product.name}, ${date(l.service_from, d.time_zone)} – ${lastDay(l.service_to, d.time_zone)}
            ${l.metering_class && html`, metered by ${l.metering_class.replace('_', ' ')}`}</div>
            ${l.touched_by_hole && html`<div class="note warn"><p>The broker’s log has a hole in this time. What is missing was not billed.</p></div>`}</td>
          <td class="n" data-metered=${l.metered}>${l.quantity === null ? '' : decimal(l.quantity)}${l.metered !== null && html`<div class="muted">${decimal(l.metered)} ${l.metric}</div>`}</td>
          <td class="n">${money(l.net, d.currency)}</td></tr>
        <${Breakdown} rows=${l.rows} currency=${d.currency} before="2" />`)}</tbody>
      <tfoot><tr><td colspan="3">Net</td><td class="n">${money(d.net, d.currency)}</td></tr>
        ${d.taxes.map((t) => html`<tr><td colspan="3">VAT ${decimal(t.rate)} % on ${money(t.net, d.currency)}</td><td class="n">${money(t.amount, d.currency)}</td></tr>`)}
        <tr><td colspan="3">Total</td><td class="n" data-total=${d.total}>${money(d.total, d.currency)}</td></tr></tfoot></table></div>
    <p class="muted">Every quantity comes from the broker’s own request log. Breakdown rows add up to the line before rounding;
      each line is rounded once.</p>`;
}

export function Statements() {
  const [items, error] = useData(() => list('/v1/statements'), []);
  return html`<${Title} lead="Your share of what the marketplace invoiced for your products.">Statements</${Title}><${Problem} error=${error} />
    ${!items && !error && html`<${Loading} />`}
    ${items && items.length === 0 && html`<${Empty}>No statement yet.</${Empty}>`}
    ${items && items.length > 0 && html`<div class="scroll"><table><thead><tr><th>Number</th><th>Period</th><th>Issued</th><th class="n">Your share</th></tr></thead>
      <tbody>${items.map((d) => html`<tr key=${d.id}><td><a href=${`#/statements/${d.id}`}>${d.number}</a></td><td>${period(d)}</td>
        <td>${date(d.issue_date)}</td><td class="n">${money(d.net, d.currency)}</td></tr>`)}</tbody></table></div>`}`;
}

export function Statement({ id }) {
  const [d, error] = useData(() => get(`/v1/statements/${encodeURIComponent(id)}`), [id]);
  if (error) return html`<${Problem} error=${error} />`;
  if (!d) return html`<${Loading} />`;
  return html`<${Title} lead=${`For ${period(d)}, issued ${date(d.issue_date)}`}>Statement ${d.number}</${Title}>
    <div class="scroll"><table><thead><tr><th>Invoice</th><th>What</th><th class="n">Net</th><th class="n">Your share</th></tr></thead>
      <tbody>${d.lines.map((l) => html`<tr><td>${l.invoice_number} / ${l.line}</td><td>${l.description}</td>
        <td class="n">${money(l.net, d.currency)}</td><td class="n">${money(l.share, d.currency)}</td></tr>`)}</tbody>
      <tfoot><tr><td colspan="3">Sum</td><td class="n">${money(d.net, d.currency)}</td></tr></tfoot></table></div>
    <p class="muted">Written ${time(d.issued_at || d.issue_date)}. A statement is no invoice: it carries no tax.</p>`;
}
