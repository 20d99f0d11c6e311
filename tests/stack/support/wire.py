"""Kafka's protocol by hand, for what no honest client sends."""

import socket
import ssl
import struct

FETCH, API_VERSIONS, SASL_HANDSHAKE, CREATE_ACLS, SASL_AUTHENTICATE = 1, 18, 17, 30, 36
TOPIC, LITERAL, READ, ALLOW = 2, 3, 3, 3
AUTHENTICATION_FAILED = 58
ANSWER_MAX = 64 * 1024 * 1024


class Closed(Exception):
    """The other side has ended the connection, or answers something else than Kafka."""


def text(value):
    encoded = value.encode()
    return struct.pack(">h", len(encoded)) + encoded


def trusting(ca):
    return ssl.create_default_context(cafile=str(ca))


class Wire:
    def __init__(self, address, tls=None, source=None):
        """`source`: the address to come from, another of loopback's."""
        host, _, port = address.rpartition(":")
        self.socket = socket.create_connection((host, int(port)), timeout=30, source_address=source and (source, 0))
        if tls:
            self.socket = tls.wrap_socket(self.socket, server_hostname=host)
        self.correlation = 0

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def _read(self, size):
        data = bytearray()
        while len(data) < size:
            part = self.socket.recv(min(size - len(data), 65536))
            if not part:
                raise Closed("end of connection")
            data += part
        return bytes(data)

    def ask(self, api, version, body):
        """The answer's body. `version` is one whose headers have no tagged fields."""
        self.correlation += 1
        message = struct.pack(">hhi", api, version, self.correlation) + text("by hand") + body
        try:
            self.socket.sendall(struct.pack(">i", len(message)) + message)
            (size,) = struct.unpack(">i", self._read(4))
            if not 4 <= size <= ANSWER_MAX:
                raise Closed("no answer of Kafka's")
            answer = self._read(size)
        except (ConnectionError, ssl.SSLError) as error:
            raise Closed(str(error)) from None
        if answer[:4] != struct.pack(">i", self.correlation):
            raise Closed("no answer of Kafka's")
        return answer[4:]

    def announce(self, size):
        """Says how long a request will be, and nothing more."""
        self.socket.sendall(struct.pack(">i", size))

    def is_open(self):
        """Whether the other side has ended the connection; waits a second for that."""
        self.socket.settimeout(1)
        try:
            return self.socket.recv(1) != b""
        except TimeoutError:
            return True
        except OSError:
            return False

    def sign_in(self, mechanism, proof):
        """0, or Kafka's number of the refusal."""
        (code,) = struct.unpack(">h", self.ask(SASL_HANDSHAKE, 1, text(mechanism))[:2])
        if code == 0:
            answer = self.ask(SASL_AUTHENTICATE, 0, struct.pack(">i", len(proof)) + proof)
            (code,) = struct.unpack(">h", answer[:2])
            # A token that is refused is answered with a challenge: what is wrong with it.
            if code == 0 and not answer.endswith(struct.pack(">i", 0)):
                code = AUTHENTICATION_FAILED
        return code

    def sign_in_plain(self, user, password):
        return self.sign_in("PLAIN", b"\0" + user.encode() + b"\0" + password.encode())

    def sign_in_token(self, token):
        return self.sign_in("OAUTHBEARER", b"n,,\x01auth=Bearer " + token.encode() + b"\x01\x01")

    def create_read_acl(self, topic, principal):
        """0, or Kafka's number of the refusal."""
        body = struct.pack(">ib", 1, TOPIC) + text(topic) + struct.pack(">b", LITERAL) + text(principal) + text("*")
        answer = self.ask(CREATE_ACLS, 1, body + struct.pack(">bb", READ, ALLOW))
        return struct.unpack(">h", answer[8:10])[0]

    def fetch(self, topic, partitions):
        """A FETCH of version 4 that names partitions 0 to `partitions` - 1; 16 bytes each."""
        head = struct.pack(">iiiib", -1, 0, 0, 1024, 0) + struct.pack(">i", 1) + text(topic)
        named = b"".join(struct.pack(">iqi", number, 0, 1024) for number in range(partitions))
        return self.ask(FETCH, 4, head + struct.pack(">i", partitions) + named)
