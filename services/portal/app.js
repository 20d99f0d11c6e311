// The portal's frame: who is signed in, the menu, and which page the address names.
import { html, render, useEffect, useState } from '/vendor/preact.js';
import { get, remove } from '/parts/api.js';
import { SignIn } from '/pages/account/sign-in.js';
import { Catalogue, Product } from '/pages/market/catalogue.js';
import { Subscriptions, Subscription } from '/pages/market/subscriptions.js';
import { Applications } from '/pages/account/applications.js';
import { Invoices, Invoice, Statements, Statement } from '/pages/money/invoices.js';

// Address -> page. ':id' takes one part of the path.
const PAGES = [
  ['', Catalogue], ['products/:id', Product],
  ['subscriptions', Subscriptions], ['subscriptions/:id', Subscription],
  ['applications', Applications],
  ['invoices', Invoices], ['invoices/:id', Invoice],
  ['statements', Statements], ['statements/:id', Statement],
];

function find(path) {
  const parts = path.split('/');
  for (const [pattern, page] of PAGES) {
    const wanted = pattern.split('/');
    if (wanted.length === parts.length && wanted.every((w, i) => w === parts[i] || (w === ':id' && parts[i]))) {
      return { page, id: decodeURIComponent(parts[wanted.indexOf(':id')] || '') };
    }
  }
  return { page: () => html`<h1>There is no such page</h1><p><a href="#/">To the catalogue</a></p>`, id: '' };
}

const currentPath = () => location.hash.replace(/^#\/?/, '').replace(/\?.*$/, '');

function Frame() {
  const [me, setMe] = useState(undefined); // undefined: not known yet, null: nobody
  const [path, setPath] = useState(currentPath());
  useEffect(() => {
    const follow = () => setPath(currentPath());
    addEventListener('hashchange', follow);
    get('/v1/me').then(setMe, () => setMe(null));
    return () => removeEventListener('hashchange', follow);
  }, []);
  if (me === undefined) return null;
  if (me === null) return html`<main id="main"><${SignIn} onDone=${setMe} /></main>`;

  const menu = [['', 'Catalogue'], ['subscriptions', 'Subscriptions'], ['applications', 'Applications'], ['invoices', 'Invoices']];
  if (me.organisation.is_provider || me.organisation.is_operator) menu.push(['statements', 'Statements']);
  const first = path.split('/')[0];
  const { page, id } = find(path);
  const signOut = async () => { await remove('/v1/sessions/current'); location.hash = '#/'; setMe(null); };
  return html`
    <header class="bar"><div class="inner">
      <a class="brand" href="#/"><img src="/icon.svg" alt="" />${me.marketplace}</a>
      <nav aria-label="Main">${menu.map(([to, name]) => html`
        <a href=${`#/${to}`} aria-current=${first === to || (to === '' && first === 'products') ? 'page' : undefined}>${name}</a>`)}</nav>
      <span class="who">${me.name} · ${me.organisation.name}</span>
      <button type="button" onClick=${signOut}>Sign out</button>
    </div></header>
    <main id="main"><${page} key=${path} id=${id} me=${me} /></main>`;
}

render(html`<${Frame} />`, document.getElementById('app'));
