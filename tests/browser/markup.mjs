// Visits pages of the portal that show what others typed, and says whether any of it ran.
//
//   node tests/browser/markup.mjs --url U --email E --password-file F PATH...
//
// Prints {"ran": […], "shown": {"/path": "text of the page"}}. Needs build/browser (make browser) and
// Chromium.
import { createRequire } from 'node:module';
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..');
const build = process.env.WEIR_BUILD || join(root, 'build');
const { chromium } = createRequire(join(build, 'browser', 'package.json'))('playwright-core');
const { values: o, positionals: paths } = parseArgs({
  allowPositionals: true,
  options: { url: { type: 'string' }, email: { type: 'string' }, 'password-file': { type: 'string' } },
});

const browser = await chromium.launch({
  executablePath: process.env.WEIR_CHROMIUM || '/usr/bin/chromium',
  args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
    '--disable-component-update', '--disable-sync'],
});
try {
  const page = await browser.newPage();
  const ran = [];
  page.on('dialog', (dialog) => { ran.push(`dialog ${dialog.message()}`); dialog.dismiss(); });
  page.on('request', (request) => {
    if (!request.url().startsWith(o.url)) ran.push(`request ${request.url()}`);
  });
  await page.addInitScript(() => { window.markupRan = []; });
  await page.goto(o.url, { waitUntil: 'networkidle' });
  await page.getByLabel('E-mail address').fill(o.email);
  await page.getByLabel('Password').fill(readFileSync(o['password-file'], 'utf8').trim());
  await page.getByRole('button', { name: 'Sign in' }).click();
  await page.getByRole('heading', { level: 1, name: 'Catalogue' }).waitFor();
  const shown = {};
  for (const path of paths) {
    await page.goto(`${o.url}/#${path}`);
    await page.reload({ waitUntil: 'networkidle' });
    shown[path] = await page.locator('body').innerText();
    ran.push(...await page.evaluate(() => window.markupRan));
    // The policy would stop a script; that text became an element is wrong already.
    for (const element of await page.locator('img[onerror], [href^="javascript:"]').all()) {
      ran.push(`element ${await element.evaluate((e) => e.outerHTML)}`);
    }
  }
  console.log(JSON.stringify({ ran, shown }));
} finally {
  await browser.close();
}
