"""The REST API as a person uses it: signed in, with the session cookie and the portal's Origin."""

import time

import requests

from .failure import StoryFailed

TIMEOUT_S = 30
BUSY_S = 60  # how long "try again in a moment" is believed


class Person:
    def __init__(self, api, email=None, password=None):
        self.api = api
        self.http = requests.Session()
        self.http.headers["Origin"] = api
        if email:
            self.post("/v1/sessions", email=email, password=password)

    def answer(self, method, path, options):
        try:
            return self.http.request(method, self.api + path, timeout=TIMEOUT_S, **options)
        except requests.RequestException as error:
            raise StoryFailed(f"{method} {path}: {error}") from None

    def call(self, method, path, **options):
        answer = self.answer(method, path, options)
        patience = time.monotonic() + BUSY_S
        while answer.status_code == 503 and method == "GET" and time.monotonic() < patience:
            time.sleep(min(5, int(answer.headers.get("Retry-After", "1"))))
            answer = self.answer(method, path, options)
        if answer.status_code >= 400:
            try:
                problem = answer.json()
                said = " ".join(str(problem[name]) for name in ("detail", "field", "hint") if problem.get(name)) or problem.get("title")
            except ValueError:
                said = answer.text[:200]
            raise StoryFailed(f"{method} {path} was refused with {answer.status_code}: {said}")
        return answer

    def get(self, path, **query):
        return self.call("GET", path, params=query).json()

    def post(self, path, **body):
        return self.call("POST", path, json=body).json()

    def put(self, path, **body):
        return self.call("PUT", path, json=body).json()

    def patch(self, path, **body):
        return self.call("PATCH", path, json=body).json()

    def items(self, path, **query):
        """All pages of a list."""
        items, cursor = [], None
        while True:
            page = self.get(path, **query, **({"cursor": cursor} if cursor else {}))
            items += page["items"]
            cursor = page.get("next_cursor")
            if not cursor:
                return items
