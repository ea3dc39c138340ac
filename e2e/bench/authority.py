"""A certificate authority for one run: its certificate for clients, and a server's TLS on 127.0.0.1."""

import datetime as dt
import ipaddress
import ssl
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

_FROM: Final = dt.datetime(2020, 1, 1, tzinfo=dt.UTC)
_UNTIL: Final = dt.datetime(2120, 1, 1, tzinfo=dt.UTC)
_NAME: Final = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "bench")])


def server_context(folder: Path) -> tuple[ssl.SSLContext, Path]:
    """Return TLS for a server on 127.0.0.1, and the file with the authority that clients are to trust."""
    authority_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    authority = folder / "ca.pem"
    authority.write_bytes(_signed(authority_key, authority_key, ca=True).public_bytes(Encoding.PEM))
    chain = folder / "server.pem"
    secret = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    chain.write_bytes(_signed(key, authority_key, ca=False).public_bytes(Encoding.PEM) + secret)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(chain)
    return context, authority


def _signed(key: ec.EllipticCurvePrivateKey, by: ec.EllipticCurvePrivateKey, *, ca: bool) -> x509.Certificate:
    address = x509.IPAddress(ipaddress.IPv4Address("127.0.0.1"))
    return (
        x509.CertificateBuilder()
        .subject_name(_NAME if ca else x509.Name([]))
        .issuer_name(_NAME)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(_FROM)
        .not_valid_after(_UNTIL)
        .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName([address]), critical=not ca)
        .sign(by, hashes.SHA256())
    )
