"""The self-signed certificate of this installation, which gives browsers on the network https."""

import datetime
import ipaddress

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from local.addresses import LOOPBACK
from local.data_folder import write_atomically
from local.installation import Installation

LIFETIME = datetime.timedelta(days=397)  # the maximum that browsers accept
RENEWAL = datetime.timedelta(days=30)
_SIGNATURE_ONLY = x509.KeyUsage(
    digital_signature=True,
    content_commitment=False,
    key_encipherment=False,
    data_encipherment=False,
    key_agreement=False,
    key_cert_sign=False,
    crl_sign=False,
    encipher_only=False,
    decipher_only=False,
)


def ensure_certificate(installation: Installation) -> None:
    """Create the certificate if DARKROOM_TLS requires one; replace it if it expires soon or DARKROOM_HOST has
    changed.
    """
    if not installation.has_certificate or _is_good(installation):
        return
    key = ec.generate_private_key(ec.SECP256R1())
    pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()
    certificate = _sign(key, _names(installation)).public_bytes(serialization.Encoding.PEM).decode()
    write_atomically(installation.folder.certificate_key, pem)
    write_atomically(installation.folder.certificate, certificate)


def _names(installation: Installation) -> list[x509.GeneralName]:
    host, addresses = installation.settings.host, installation.addresses
    texts = dict.fromkeys((host, addresses.inner, LOOPBACK, "localhost"))
    return [_name(text) for text in texts]


def _name(text: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(text))
    except ValueError:
        return x509.DNSName(text)


def _is_good(installation: Installation) -> bool:
    folder = installation.folder
    if not (folder.certificate.exists() and folder.certificate_key.exists()):
        return False
    certificate = x509.load_pem_x509_certificate(folder.certificate.read_bytes())
    key = serialization.load_pem_private_key(folder.certificate_key.read_bytes(), password=None)
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    return (
        _is_a_servers_only(certificate)
        and certificate.public_key() == key.public_key()
        and certificate.not_valid_after_utc - datetime.datetime.now(datetime.UTC) > RENEWAL
        and all(name in list(names) for name in _names(installation))
    )


def _is_a_servers_only(certificate: x509.Certificate) -> bool:
    """Return False for certificates of older releases, whose key could sign certificates for any name."""
    try:
        return not certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    except x509.ExtensionNotFound:
        return False


def _sign(key: ec.EllipticCurvePrivateKey, names: list[x509.GeneralName]) -> x509.Certificate:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Darkroom on this machine")])
    now = datetime.datetime.now(datetime.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + LIFETIME)
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_SIGNATURE_ONLY, critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
