// Figures as people read them. Quantities and money arrive as decimal strings and are never turned
// into binary floating point: digits are only grouped or shortened.

const group = (digits) => digits.replace(/\B(?=(\d{3})+(?!\d))/g, '\u202f');

// "1234567.50" -> "1 234 567.50"
export function decimal(text) {
  const [whole, fraction] = String(text).split('.');
  const sign = whole.startsWith('-') ? '−' : '';
  return sign + group(whole.replace('-', '')) + (fraction === undefined ? '' : '.' + fraction);
}

export const money = (amount, currency) => `${decimal(amount)}\u00a0${currency}`;

// Bytes as a string of digits -> "1.23 GB" (10^9), cut, not rounded up, after two digits.
export function bytes(text) {
  const n = BigInt(text || 0);
  const units = ['B', 'kB', 'MB', 'GB', 'TB', 'PB', 'EB'];
  let unit = 0;
  let divisor = 1n;
  while (unit < units.length - 1 && n / divisor >= 1000n) { divisor *= 1000n; unit += 1; }
  if (unit === 0) return `${n} B`;
  const hundredths = (n * 100n) / divisor;
  return `${hundredths / 100n}.${String(hundredths % 100n).padStart(2, '0')} ${units[unit]}`;
}

const TIME = new Intl.DateTimeFormat('en-GB', { dateStyle: 'medium', timeStyle: 'medium' });
// An instant in the reader's own zone.
export const time = (text) => (text ? TIME.format(new Date(text)) : '–');

// A day: a calendar date ("2027-06-01") as it is, or the date that an instant has in `zone`, which is the
// account's: a period is cut at its midnight, whatever the reader's clock says.
export function date(text, zone) {
  if (!text) return '–';
  const plain = text.length === 10;
  const format = new Intl.DateTimeFormat('en-GB', { dateStyle: 'medium', timeZone: plain ? 'UTC' : zone });
  return format.format(new Date(plain ? `${text}T12:00:00Z` : text));
}

// The last day of a period that ends, exclusively, at `text`.
export const lastDay = (text, zone) => date(new Date(Date.parse(text) - 1).toISOString(), zone);

// A unit conversion of a plan, in words: bytes divided by 10^9 are GB.
export function unitOf(price) {
  const c = price.unit_conversion;
  if (price.metric === 'bytes' && c && c.operation === 'divide') {
    const names = { 1000: 'kB', 1000000: 'MB', 1000000000: 'GB', 1000000000000: 'TB', 1073741824: 'GiB' };
    return names[c.factor] || `${c.factor} bytes`;
  }
  return price.metric === 'bytes' ? 'byte' : (price.metric || '').replace(/s$/, '');
}

// A price in words, one sentence a tier.
export function priceInWords(price, currency) {
  const k = price.kernel;
  const unit = unitOf(price);
  const of = (amount) => money(amount, currency);
  const tiers = (tail) => k.tiers.map((t, i) => {
    const from = i === 0 ? null : k.tiers[i - 1].up_to;
    const range = t.up_to === null ? (from === null ? 'all' : `above ${decimal(from)} ${unit}`)
      : `${from === null ? 'the first' : `${decimal(from)} to`} ${decimal(t.up_to)} ${unit}`;
    const parts = [];
    if (t.unit_amount !== undefined) parts.push(`${of(t.unit_amount)} per ${unit}`);
    if (t.package_amount !== undefined) parts.push(`${of(t.package_amount)} per started ${decimal(t.package_size)} ${unit}`);
    if (t.flat_amount !== undefined && Number(t.flat_amount) !== 0) parts.push(`${of(t.flat_amount)} once`);
    return `${range}: ${parts.join(' + ')}${tail}`;
  });
  const included = price.included_units ? [`${decimal(price.included_units.quantity)} ${unit} included`] : [];
  switch (k.type) {
    case 'flat': return [`${of(k.flat_amount)} ${price.recurrence === 'once' ? 'once' : 'a month'}`];
    case 'per_unit': return [...included, `${of(k.unit_amount)} per ${unit}`];
    case 'graduated': return [...included, ...tiers('')];
    case 'volume': return [...included, ...tiers(' for the whole quantity')];
    case 'package': return [...included, `${of(k.package_amount)} per started ${decimal(k.package_size)} ${unit}`];
    default: return [`${k.type}: see the plan`];
  }
}
