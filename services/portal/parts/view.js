// Pieces that pages share: loading data, showing a problem, tables of facts, small charts.
import { html, useEffect, useRef, useState } from '/vendor/preact.js';
import { bytes, time } from '/parts/format.js';

// Loads on arrival and again every `everyMs` (0 = once). Returns [data, error, reload].
export function useData(load, dependencies, everyMs = 0) {
  const [state, setState] = useState({ data: null, error: null });
  const [turn, setTurn] = useState(0);
  useEffect(() => {
    let gone = false;
    let timer = null;
    const step = async () => {
      try {
        const data = await load();
        if (!gone) setState({ data, error: null });
      } catch (error) {
        if (!gone) setState((s) => ({ data: s.data, error }));
      }
      if (!gone && everyMs > 0) timer = setTimeout(step, everyMs);
    };
    step();
    return () => { gone = true; clearTimeout(timer); };
  }, [...dependencies, turn]);
  return [state.data, state.error, () => setTurn((t) => t + 1)];
}

export function Title({ children, lead }) {
  const heading = useRef(null);
  useEffect(() => { heading.current.focus(); }, []);
  return html`<h1 tabindex="-1" ref=${heading}>${children}</h1>${lead && html`<p class="lead">${lead}</p>`}`;
}

export function Problem({ error }) {
  if (!error) return null;
  const p = error.problem || {};
  return html`<div class="note bad" role="alert"><p><strong>${error.message}</strong></p>
    ${p.hint && html`<p>${p.hint}</p>`}
    ${p.request_id && html`<p class="muted">Request <code>${p.request_id}</code></p>`}</div>`;
}

export const Loading = () => html`<p class="empty" role="status">Loading …</p>`;
export const Empty = ({ children }) => html`<div class="empty">${children}</div>`;
export const Tag = ({ state }) => html`<span class=${`tag ${state}`}>${String(state).replace('_', ' ')}</span>`;

// A form's submit: one call at a time, its error shown beside the button.
export function useAction(action) {
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState(null);
  const run = async (event) => {
    if (event) event.preventDefault();
    setBusy(true);
    setError(null);
    try {
      await action(event);
    } catch (e) {
      setError(e);
    }
    setBusy(false);
  };
  return [run, busy, error];
}

// Bytes over time, fresh and replay stacked. The same figures stand in the table below it.
export function UsageChart({ rows }) {
  const slots = new Map();
  for (const row of rows) {
    const slot = slots.get(row.from_at) || { fresh: 0n, replay: 0n };
    slot[row.delivery] += BigInt(row.bytes);
    slots.set(row.from_at, slot);
  }
  const keys = [...slots.keys()].sort();
  let top = 1n;
  for (const s of slots.values()) { if (s.fresh + s.replay > top) top = s.fresh + s.replay; }
  const width = 640, height = 190, floor = 160;
  const step = width / Math.max(keys.length, 8);
  const high = (n) => Number((n * 1400n) / top) / 10; // pixels, for drawing only
  return html`<figure class="chart" style="margin:0">
    <svg viewBox="0 0 ${width} ${height}" role="img" aria-label="Bytes delivered per quarter hour">
      <line x1="0" x2=${width} y1=${floor} y2=${floor} stroke="#8aa0a8" />
      ${keys.map((key, i) => {
        const s = slots.get(key);
        const f = high(s.fresh), r = high(s.replay);
        return html`<g><title>${time(key)}: ${bytes(s.fresh + s.replay)}</title>
          <rect class="bar-fresh" x=${i * step + 1} width=${Math.max(step - 3, 2)} y=${floor - f} height=${f} />
          <rect class="bar-replay" x=${i * step + 1} width=${Math.max(step - 3, 2)} y=${floor - f - r} height=${r} /></g>`;
      })}
      <text x="2" y="12">${bytes(top)}</text>
      ${keys.length > 0 && html`<text x="2" y=${height - 12}>${time(keys[0])}</text>`}
      ${keys.length > 1 && html`<text x=${width - 2} y=${height - 12} text-anchor="end">${time(keys[keys.length - 1])}</text>`}
    </svg>
    <figcaption class="muted">Bytes per quarter hour: <strong style="color:var(--water)">fresh</strong> and <strong style="color:#9a6a12">replay</strong></figcaption></figure>`;
}
