// Walks through the portal in a real browser as a person would, keeps screenshots, and fails with a
// plain sentence when the page doesn't say what it should.
//
//   node tests/browser/portal.mjs subscribe --url U --email E --password-file F --product NAME
//        --application NAME --screenshots DIR [--secret-file F]
//   node tests/browser/portal.mjs approve   --url U --email E --password-file F --consumer NAME ...
//   node tests/browser/portal.mjs review    --url U --email E --password-file F --subscription ID
//        --bytes N --messages N [--invoice NUMBER --total AMOUNT] --screenshots DIR
//
// Prints one JSON object with what it saw. Needs build/browser (make browser) and Chromium.
import { createRequire } from 'node:module';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..');
const build = process.env.WEIR_BUILD || join(root, 'build');
const { chromium } = createRequire(join(build, 'browser', 'package.json'))('playwright-core');

const names = ['url', 'email', 'password-file', 'product', 'application', 'screenshots', 'secret-file', 'consumer',
  'subscription', 'bytes', 'messages', 'invoice', 'total'];
const { values: o, positionals: [command] } = parseArgs({
  allowPositionals: true,
  options: Object.fromEntries(names.map((n) => [n, { type: 'string' }])),
});
const WAIT = 20000; // milliseconds that a page may take to say what is expected

function need(...wanted) {
  const missing = wanted.filter((n) => !o[n]);
  if (missing.length) throw new Error(`missing --${missing.join(', --')}`);
}

let shots = 0;
async function shot(page, name) {
  if (!o.screenshots) return;
  mkdirSync(o.screenshots, { recursive: true });
  shots += 1;
  await page.screenshot({ path: join(o.screenshots, `${command}-${String(shots).padStart(2, '0')}-${name}.png`), fullPage: true });
}

async function signIn(page) {
  need('url', 'email', 'password-file');
  await page.goto(o.url, { waitUntil: 'networkidle' });
  await page.getByLabel('E-mail address').fill(o.email);
  await page.getByLabel('Password').fill(readFileSync(o['password-file'], 'utf8').trim());
  await shot(page, 'sign-in');
  await page.getByRole('button', { name: 'Sign in' }).click();
  await page.getByRole('heading', { level: 1, name: 'Catalogue' }).waitFor();
}

// A new secret for the application, shown once with settings that work.
async function makeSecret(page) {
  await page.getByRole('link', { name: 'Applications' }).click();
  const card = page.locator(`[data-application="${o.application}"]`);
  await card.getByRole('button', { name: /secret/ }).click();
  const secret = (await card.locator('[data-secret]').textContent()).trim();
  const snippets = {};
  for (const kind of ['Java', 'Python', 'librdkafka']) {
    await card.getByRole('tab', { name: kind }).click();
    snippets[kind] = await card.locator(`[data-snippet="${kind}"]`).textContent();
    if (!snippets[kind].includes(secret)) throw new Error(`the ${kind} snippet doesn't hold the secret`);
  }
  await shot(page, 'secret');
  if (o['secret-file']) writeFileSync(o['secret-file'], secret, { mode: 0o600 });
  await page.getByRole('link', { name: 'Invoices' }).click();
  await page.getByRole('heading', { level: 1, name: 'Invoices' }).waitFor();
  await page.getByRole('link', { name: 'Applications' }).click();
  await card.waitFor();
  if ((await page.content()).includes(secret)) throw new Error('the secret can be seen a second time');
  return snippets;
}

const commands = {
  async subscribe(page) {
    need('product', 'application');
    await shot(page, 'catalogue');
    await page.getByRole('searchbox').fill(o.product);
    await page.getByRole('button', { name: 'Search' }).click();
    await page.getByRole('link', { name: o.product, exact: true }).click();
    await page.getByRole('heading', { level: 1, name: o.product }).waitFor();
    await page.getByRole('checkbox', { name: o.application }).check();
    await page.getByRole('checkbox', { name: /I accept the contract/ }).check();
    await shot(page, 'product');
    await page.getByRole('button', { name: 'Subscribe' }).click();
    await page.waitForURL(/#\/subscriptions\/[0-9a-f-]{36}$/);
    await page.getByRole('heading', { name: 'Access' }).waitFor();
    await shot(page, 'subscription');
    const id = new URL(page.url()).hash.split('/').pop();
    const snippets = await makeSecret(page);
    return { subscription: id, python: snippets.Python };
  },

  async approve(page) {
    need('consumer');
    await page.getByRole('link', { name: 'Subscriptions' }).click();
    const row = page.getByRole('row').filter({ hasText: o.consumer }).filter({ hasText: 'requested' }).first();
    await row.getByRole('link').click();
    await page.getByRole('button', { name: 'Approve' }).waitFor();
    await shot(page, 'request');
    await page.getByRole('button', { name: 'Approve' }).click();
    await page.locator('.tag.active').waitFor();
    await shot(page, 'approved');
    return { subscription: new URL(page.url()).hash.split('/').pop() };
  },

  async review(page) {
    need('subscription');
    await page.goto(`${o.url}/#/subscriptions/${o.subscription}`);
    const bytes = page.locator('[data-bytes]');
    await bytes.waitFor();
    if (o.bytes) await page.locator(`[data-bytes="${o.bytes}"]`).waitFor();
    if (o.messages) await page.locator(`[data-messages="${o.messages}"]`).waitFor();
    await page.locator('[data-charge]').waitFor();
    const seen = {
      bytes: await bytes.getAttribute('data-bytes'),
      messages: await page.locator('[data-messages]').getAttribute('data-messages'),
      charge: await page.locator('[data-charge]').getAttribute('data-charge'),
    };
    await shot(page, 'usage');
    if (o.invoice) {
      await page.getByRole('link', { name: 'Invoices' }).click();
      await page.getByRole('link', { name: o.invoice }).waitFor();
      await shot(page, 'invoices');
      await page.getByRole('link', { name: o.invoice }).click();
      await page.getByRole('heading', { level: 1, name: `Invoice ${o.invoice}` }).waitFor();
      seen.total = await page.locator('[data-total]').getAttribute('data-total');
      await shot(page, 'invoice');
      if (o.total && seen.total !== o.total) throw new Error(`the invoice's total is ${seen.total}, not ${o.total}`);
    }
    return seen;
  },
};

const browser = await chromium.launch({
  executablePath: process.env.WEIR_CHROMIUM || '/usr/bin/chromium',
  args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
    '--disable-component-update', '--disable-sync'],
});
let status = 0;
const complaints = [];
try {
  if (!commands[command]) throw new Error(`usage: portal.mjs ${Object.keys(commands).join(' | ')} --url U …`);
  const page = await browser.newPage({ viewport: { width: 1200, height: 850 } });
  page.setDefaultTimeout(WAIT);
  page.on('pageerror', (e) => complaints.push(e.message));
  page.on('console', (m) => { if (m.type() === 'error' && !/status of 401/.test(m.text())) complaints.push(m.text()); });
  try {
    await signIn(page);
    const seen = await commands[command](page);
    if (complaints.length) throw new Error(`the page complained: ${complaints.join('; ')}`);
    console.log(JSON.stringify(seen));
  } catch (error) {
    await shot(page, 'failed');
    if (complaints.length) error.message += `; the page complained: ${complaints.join('; ')}`;
    throw error;
  }
} catch (error) {
  console.error(`portal ${command}: ${error.message}`);
  status = 1;
}
await browser.close();
process.exit(status);
