// Calls to the REST API with the session's cookie. An answer that is not a success becomes an ApiError
// with the problem document (RFC 9457) that the server sent.

export class ApiError extends Error {
  constructor(status, problem) {
    super(problem.detail || problem.title || `The server answered ${status}.`);
    this.status = status;
    this.problem = problem;
  }
}

async function call(method, path, body, headers = {}) {
  const options = { method, headers: { Accept: 'application/json', ...headers }, credentials: 'same-origin' };
  if (body !== undefined) {
    options.headers['Content-Type'] = 'application/json';
    options.body = JSON.stringify(body);
  }
  let response;
  try {
    response = await fetch(path, options);
  } catch {
    throw new ApiError(0, { title: 'The server can’t be reached. Check the connection and try again.' });
  }
  if (response.status === 204) return null;
  const type = response.headers.get('Content-Type') || '';
  const data = type.includes('json') ? await response.json() : { title: await response.text() };
  if (!response.ok) throw new ApiError(response.status, data);
  return data;
}

export const get = (path) => call('GET', path);
export const remove = (path) => call('DELETE', path);
// A POST carries a key, so that a retry by the browser or by a person in doubt has one effect.
export const post = (path, body = {}, key = crypto.randomUUID()) =>
  call('POST', path, body, { 'Idempotency-Key': key });

// All pages of a list.
export async function list(path, limit = 500) {
  const items = [];
  let cursor = null;
  do {
    const url = new URL(path, location.origin);
    if (cursor) url.searchParams.set('cursor', cursor);
    const page = await get(url.pathname + url.search);
    items.push(...page.items);
    cursor = page.next_cursor;
  } while (cursor && items.length < limit);
  return items;
}
