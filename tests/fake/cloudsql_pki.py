"""Certificates of a make-believe Cloud SQL: authorities, server and client certificates, each with any
name, lifetime or flaw a test wants. Keys are P-256 unless a test asks for RSA: they are made often."""

import datetime
import ipaddress
import os
import threading

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

HOUR = 3600
_rsa_pool, _rsa_lock = [], threading.Lock()


def new_key(kind="ec"):
    return ec.generate_private_key(ec.SECP256R1()) if kind == "ec" else rsa.generate_private_key(65537, 2048)


def shared_rsa_key():
    """One RSA key for every server that must look like Google's: making one costs a tenth of a second."""
    with _rsa_lock:
        if not _rsa_pool:
            _rsa_pool.append(new_key("rsa"))
        return _rsa_pool[0]


def key_pem(key):
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
                             serialization.NoEncryption()).decode()


def cert_pem(cert):
    return cert.public_bytes(serialization.Encoding.PEM).decode()


def at(seconds_from_now):
    return datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=seconds_from_now)


def public_key_of_request(pem):
    """The key of a generateEphemeralCert call: SubjectPublicKeyInfo, whatever its label says."""
    body = "".join(line for line in pem.strip().splitlines() if not line.startswith("-----"))
    return serialization.load_pem_public_key(
        f"-----BEGIN PUBLIC KEY-----\n{body}\n-----END PUBLIC KEY-----\n".encode())


class Authority:
    """Signs certificates; a root, or below another one."""

    def __init__(self, name, parent=None, begins=-24 * HOUR * 60, ends=24 * HOUR * 3650, key=None):
        self.key = key or new_key()
        self.name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name),
                               x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Make-believe Cloud")])
        self.parent = parent
        signer = parent or self
        builder = (x509.CertificateBuilder().subject_name(self.name).issuer_name(signer.name)
                   .public_key(self.key.public_key()).serial_number(x509.random_serial_number())
                   .not_valid_before(at(begins)).not_valid_after(at(ends))
                   .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
                   .add_extension(x509.KeyUsage(False, False, False, False, False, True, True, False, False), True)
                   .add_extension(x509.SubjectKeyIdentifier.from_public_key(self.key.public_key()), False))
        self.cert = builder.sign(signer.key, hashes.SHA256())
        self.pem = cert_pem(self.cert)

    def issue(self, public_key, cn, dns=(), begins=-60, ends=HOUR, server=False, ips=(), usage=True):
        subject = [x509.NameAttribute(NameOID.COMMON_NAME, cn)] if cn else []
        builder = (x509.CertificateBuilder().subject_name(x509.Name(subject)).issuer_name(self.name)
                   .public_key(public_key).serial_number(x509.random_serial_number())
                   .not_valid_before(at(begins)).not_valid_after(at(ends))
                   .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
                   .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key()), False))
        names = [x509.DNSName(n) for n in dns] + [x509.IPAddress(ipaddress.ip_address(i)) for i in ips]
        if names:
            builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=not subject)
        if usage:
            oid = ExtendedKeyUsageOID.SERVER_AUTH if server else ExtendedKeyUsageOID.CLIENT_AUTH
            builder = builder.add_extension(x509.ExtendedKeyUsage([oid]), False)
        return builder.sign(self.key, hashes.SHA256())

    def issue_server(self, directory, cn, dns=(), chain=(), rsa_key=False, **kw):
        """A file with key, certificate and the authorities sent along."""
        key = shared_rsa_key() if rsa_key else new_key()
        cert = self.issue(key.public_key(), cn, dns, server=True, **kw)
        path = os.path.join(directory, f"server-{cert.serial_number:x}.pem")
        with open(path, "w", opener=lambda p, f: os.open(p, f, 0o600)) as f:
            f.write(key_pem(key) + cert_pem(cert) + "".join(a.pem for a in chain))
        return path
