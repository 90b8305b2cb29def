"""The broker's own small authority and its server's certificate: made once, kept, and renewed for other names."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta

import msgspec
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

LOOPBACK = ("localhost", "127.0.0.1", "::1")
# A box without a battery wakes in 1970, and must reach its own broker before any clock was set.
_BEGINS_AT = datetime(1970, 1, 1, tzinfo=UTC)
_LIFE = timedelta(days=20 * 365)  # devices are told of this authority once, by hand
_MAX_NAME = 253


class BadHost(Exception):
    """Neither a host name nor an address."""


class Signed(msgspec.Struct, frozen=True):
    """A certificate and its private key, as PEM."""

    certificate: bytes
    key: bytes


def make_authority(now: datetime) -> Signed:
    """A new authority, whose key signs server certificates of this box alone."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = _name("Gatehouse broker authority")
    builder = _builder(name, name, key.public_key(), now)
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
    builder = builder.add_extension(_usage(signs_certificates=True), critical=True)
    builder = builder.add_extension(_identifier(key.public_key()), critical=False)
    return _signed(builder, key, key)


def make_server(authority: Signed, hosts: Sequence[str], now: datetime) -> Signed:
    """A server's certificate for these host names and addresses. Raises BadHost."""
    issuer = x509.load_pem_x509_certificate(authority.certificate)
    key = ec.generate_private_key(ec.SECP256R1())
    builder = _builder(_name("Gatehouse broker"), issuer.subject, key.public_key(), now)
    builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
    builder = builder.add_extension(_usage(signs_certificates=False), critical=True)
    builder = builder.add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
    builder = builder.add_extension(x509.SubjectAlternativeName(_alternatives(hosts)), critical=False)
    builder = builder.add_extension(_identifier(key.public_key()), critical=False)
    above = x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(_identifier(issuer.public_key()))
    return _signed(builder.add_extension(above, critical=False), key, _key(authority))


def hosts_of(certificate: bytes) -> tuple[str, ...]:
    """The names and addresses that a server's certificate is for."""
    extensions = x509.load_pem_x509_certificate(certificate).extensions
    names = extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    return tuple(str(name.value) for name in names)


def is_signed_by(certificate: bytes, authority: bytes) -> bool:
    """Whether this authority signed a server's certificate."""
    try:
        x509.load_pem_x509_certificate(certificate).verify_directly_issued_by(x509.load_pem_x509_certificate(authority))
    except (InvalidSignature, ValueError, TypeError):
        return False
    return True


def with_loopback(hosts: Iterable[str]) -> tuple[str, ...]:
    """The hosts, and this box's own names behind them."""
    return tuple(dict.fromkeys((*hosts, *LOOPBACK)))


def _alternatives(hosts: Sequence[str]) -> list[x509.GeneralName]:
    return [_alternative(host) for host in hosts]


def _alternative(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        pass
    is_name = host.isascii() and len(host) <= _MAX_NAME and all(sign.isalnum() or sign in "-." for sign in host)
    if not is_name or not host.strip("-."):
        raise BadHost(f"{host!r} is neither a host name nor an address")
    return x509.DNSName(host)


def _name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey, now: datetime
) -> x509.CertificateBuilder:
    ends_at = max(now, datetime(2026, 1, 1, tzinfo=UTC)) + _LIFE  # also where the clock stands in 1970
    builder = x509.CertificateBuilder().subject_name(subject).issuer_name(issuer).public_key(key)
    builder = builder.serial_number(x509.random_serial_number())
    return builder.not_valid_before(_BEGINS_AT).not_valid_after(ends_at)


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _identifier(key: object) -> x509.SubjectKeyIdentifier:
    if not isinstance(key, ec.EllipticCurvePublicKey):
        raise TypeError(f"the authority's key is no elliptic curve's: {type(key).__name__}")
    return x509.SubjectKeyIdentifier.from_public_key(key)


def _key(signed: Signed) -> ec.EllipticCurvePrivateKey:
    key = serialization.load_pem_private_key(signed.key, password=None)
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise TypeError(f"the authority's key is no elliptic curve's: {type(key).__name__}")
    return key


def _signed(
    builder: x509.CertificateBuilder, key: ec.EllipticCurvePrivateKey, signer: ec.EllipticCurvePrivateKey
) -> Signed:
    certificate = builder.sign(signer, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
    form = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    return Signed(certificate, key.private_bytes(serialization.Encoding.PEM, *form))
