"""A small HTTP client for tests of weir-api: cookies, tokens, problems."""

import base64
import http.client
import json
import urllib.parse


class Answer:
    def __init__(self, response, body):
        self.status = response.status
        self.headers = {k.lower(): v for k, v in response.getheaders()}
        self.set_cookies = [value for name, value in response.getheaders() if name.lower() == "set-cookie"]
        self.cookies = [value.split(";")[0] for value in self.set_cookies]
        self.body = body

    @property
    def json(self):
        return json.loads(self.body)

    def __repr__(self):
        return f"{self.status} {self.body[:500]!r}"


class Rest:
    """One caller. `cookie` and `token` are what it identifies itself by."""

    def __init__(self, url, source=None):
        self.url = url
        self.netloc = urllib.parse.urlsplit(url).netloc
        self.source = (source, 0) if source else None  # the address to ask from, one of 127.0.0.0/8
        self.cookie = None
        self.token = None

    def send(self, method, path, body=None, headers=None, timeout=20):
        """Body: bytes as they are, anything else as JSON. A cookie's changes carry the site's Origin."""
        all_headers = {}
        if body is not None and not isinstance(body, bytes):
            body = json.dumps(body).encode()
            all_headers["Content-Type"] = "application/json"
        if self.cookie:
            all_headers["Cookie"] = self.cookie
            all_headers["Origin"] = self.url
        if self.token:
            all_headers["Authorization"] = f"Bearer {self.token}"
        all_headers.update(headers or {})
        connection = http.client.HTTPConnection(self.netloc, timeout=timeout, source_address=self.source)
        try:
            connection.request(method, path, body, {k: v for k, v in all_headers.items() if v is not None})
            response = connection.getresponse()
            return Answer(response, response.read())
        finally:
            connection.close()

    def get(self, path, **headers):
        return self.send("GET", path, headers={k.replace("_", "-"): v for k, v in headers.items()})

    def post(self, path, body=None, **headers):
        return self.send("POST", path, body, {k.replace("_", "-"): v for k, v in headers.items()})

    def patch(self, path, body, **headers):
        return self.send("PATCH", path, body, {k.replace("_", "-"): v for k, v in headers.items()})

    def delete(self, path):
        return self.send("DELETE", path)

    def made(self, path, body=None):
        """POSTs, expects 201, gives the JSON."""
        answer = self.post(path, body)
        assert answer.status == 201, answer
        return answer.json

    def sign_in(self, email, password):
        answer = self.post("/v1/sessions", {"email": email, "password": password})
        assert answer.status == 201, answer
        self.cookie = "; ".join(answer.cookies)
        return self

    def ask_token(self, client_id, secret, scope=None, basic=False):
        form = {"grant_type": "client_credentials"}
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        if scope:
            form["scope"] = scope
        if basic:
            pair = f"{urllib.parse.quote(client_id)}:{urllib.parse.quote(secret)}"
            headers["Authorization"] = "Basic " + base64.b64encode(pair.encode()).decode()
        else:
            form.update(client_id=client_id, client_secret=secret)
        return Rest(self.url, self.source and self.source[0]).send("POST", "/oauth/token", urllib.parse.urlencode(form).encode(), headers)


def token_parts(token):
    """Header and claims, not verified."""
    return [json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))) for part in token.split(".")[:2]]
