"""Tokens for Kafka's CLIENT listener without weir-api: an ES256 key, its JWKS file, signed tokens."""

import base64
import json
import os
import time
from pathlib import Path

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, utils


def base64url(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


class TokenIssuer:
    def __init__(self, jwks_file, issuer, audience):
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.issuer = issuer
        self.audience = audience
        self.kid = base64url(os.urandom(9))
        numbers = self.key.public_key().public_numbers()
        jwk = {
            "kty": "EC",
            "crv": "P-256",
            "alg": "ES256",
            "use": "sig",
            "kid": self.kid,
            "x": base64url(numbers.x.to_bytes(32, "big")),
            "y": base64url(numbers.y.to_bytes(32, "big")),
        }
        # By rename: the broker refuses every login while it sees half a file.
        path = Path(jwks_file)
        path.parent.mkdir(parents=True, exist_ok=True)
        fresh = path.with_suffix(".new")
        fresh.write_text(json.dumps({"keys": [jwk]}))
        fresh.rename(path)

    def token(self, subject, seconds=3600, **claims):
        now = int(time.time())
        header = {"alg": "ES256", "typ": "JWT", "kid": self.kid}
        body = {"sub": subject, "iss": self.issuer, "aud": [self.audience], "iat": now, "exp": now + seconds, **claims}
        signed = ".".join(base64url(json.dumps(part).encode()) for part in (header, body))
        r, s = utils.decode_dss_signature(self.key.sign(signed.encode(), ec.ECDSA(hashes.SHA256())))
        return f"{signed}.{base64url(r.to_bytes(32, 'big') + s.to_bytes(32, 'big'))}"


def principal_name():
    """A name shaped like those that Weir issues: w and 26 characters of base32."""
    return "w" + base64.b32encode(os.urandom(16)).decode().rstrip("=").lower()
