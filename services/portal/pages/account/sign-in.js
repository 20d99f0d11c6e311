import { html, useState } from '/vendor/preact.js';
import { get, post } from '/parts/api.js';
import { Problem, Title, useAction } from '/parts/view.js';

export function SignIn({ onDone }) {
  const [email, setEmail] = useState('');
  const [password, setPassword] = useState('');
  const [submit, busy, error] = useAction(async () => {
    await post('/v1/sessions', { email, password });
    onDone(await get('/v1/me'));
  });
  return html`<div class="narrow"><div class="card">
    <${Title} lead="A marketplace of data streams. Subscribe here, read with any Kafka client.">Sign in</${Title}>
    <form onSubmit=${submit}>
      <label for="email">E-mail address</label>
      <input id="email" type="email" autocomplete="username" required value=${email} onInput=${(e) => setEmail(e.target.value)} />
      <label for="password">Password</label>
      <input id="password" type="password" autocomplete="current-password" required value=${password} onInput=${(e) => setPassword(e.target.value)} />
      <${Problem} error=${error} />
      <div class="row"><button disabled=${busy}>${busy ? 'Signing in …' : 'Sign in'}</button></div>
    </form></div></div>`;
}
