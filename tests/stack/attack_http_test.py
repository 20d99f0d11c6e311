"""Requests that two readers take for different ones, and other protocols: refused, and the connection closed."""

import socket

import pytest
from rest import Rest


def talk(house, data):
    """Bytes as they are; what came back until the server closed."""
    host, port = house.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=15) as s:
        s.sendall(data)
        got = b""
        try:
            while part := s.recv(65536):
                got += part
        except ConnectionResetError:
            pass
        return got


GET = b"GET /healthz HTTP/1.1\r\n"
POST = b"POST /v1/sessions HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
HIDDEN = b"GET /openapi.json HTTP/1.1\r\nHost: x\r\n\r\n"


@pytest.mark.parametrize(
    "data",
    [
        POST + b"Content-Length: 2\r\nContent-Length: 7\r\n\r\n{}",
        POST + b"Content-Length: 2\r\nContent-Length: 2\r\n\r\n{}",
        POST + b"Content-Length: 2, 2\r\n\r\n{}",
        POST + b"Content-Length: +2\r\n\r\n{}",
        POST + b"Content-Length:\r\n\r\n",
        POST + b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
        POST + b"Transfer-Encoding: chunked\r\nContent-Length: 2\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
        POST + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        POST + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
        POST + b"Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
        b"POST /v1/sessions HTTP/1.0\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        GET + b"\r\n",
        GET + b"Host: x\r\nHost: y\r\n\r\n",
        GET + b"Host: x\r\nHost: x\r\n\r\n",
        GET + b"Host: x y\r\n\r\n",
        GET + b"Host: x@y\r\n\r\n",
        GET + b"Host: x\r\nX-A: a\r\n b\r\n\r\n",
        GET + b"Host: x\r\nX-A: a\r\n\tHost: y\r\n\r\n",
        GET + b" Host: x\r\n\r\n",
        GET + b"Host: x\r\nX-A: a\rb\r\n\r\n",
        GET + b"Host: x\r\nX-A: a\r\r\n\r\n",
        GET + b"Host: x\nX-A: a\r\n\r\n",
        b"GET /healthz HTTP/1.1\nHost: x\n\n",
        GET + b"Host: x\r\nX-A: a\0b\r\n\r\n",
        GET + b"Host: x\r\nX A: a\r\n\r\n",
        GET + b"Host: x\r\n: a\r\n\r\n",
        GET + b"Host: x\r\nno colon\r\n\r\n",
        b"GET  /healthz HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET /healthz  HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET /healthz x HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET /healthz HTTP/2.0\r\nHost: x\r\n\r\n",
        b"GET /healthz HTTP/1.10\r\nHost: x\r\n\r\n",
        b"GET /healthz\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\0\0\0\4\0\0\0\0\0",
    ],
)
def test_an_ambiguous_request_is_refused_and_what_follows_it_is_not_read(house, data):
    got = talk(house, data + HIDDEN)
    assert got.startswith(b"HTTP/1.1 400 "), got[:200]
    assert b"connection: close" in got.lower() and got.count(b"HTTP/1.1 ") == 1, got[:400]


@pytest.mark.parametrize(
    "data",
    [
        GET + b"host: x\r\n\r\n",
        b"\r\n" + GET + b"Host: [::1]:80\r\n\r\n",
        GET + b"Host:\t x \r\nX-A: a \xc3\xa9 b\r\n\r\n",
        b"GET /healthz HTTP/1.0\r\n\r\n",
        POST + b"Transfer-Encoding: Chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
        POST + b"Content-Length: 2\r\n\r\n{}",
        POST + b"Content-Length: 2\r\nExpect: 100-continue\r\n\r\n{}",
    ],
)
def test_a_plain_request_is_not(house, data):
    got = talk(house, data + GET + b"Host: x\r\nConnection: close\r\n\r\n" if b"HTTP/1.0" not in data else data)
    assert b"/problems/invalid" not in got or b'"field"' in got, got
    assert got.count(b"HTTP/1.1 200") >= 1, got


def test_http_2_is_off(house):
    """libh2o 2.2.5 knows no remedy against rapid resets and their kin."""
    upgrade = GET + b"Host: x\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n\r\n"
    got = talk(house, upgrade)
    assert got.startswith(b"HTTP/1.1 200 ") and got.count(b"HTTP/1.1 ") == 1, got
    got = talk(house, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\0\0\0\4\0\0\0\0\0")
    assert got.startswith(b"HTTP/1.1 400"), got
    assert Rest(house.url).get("/healthz").status == 200
