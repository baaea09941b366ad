"""Certificates for servers in tests, which nobody trusts who has not been told to."""

import ssl
import subprocess
from pathlib import Path


def make_certificate(folder: Path, *names: str) -> Path:
    """A self-signed certificate for these names (`DNS:…` or `IP:…`) and its key, in one file."""
    made = folder / "both.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
         "-subj", "/CN=test", "-addext", f"subjectAltName={','.join(names)}", "-keyout", made, "-out", folder / "cert"],
        check=True,
        capture_output=True,
    )  # fmt: skip
    made.write_text(made.read_text() + (folder / "cert").read_text())
    return made


def serving(certificate: Path) -> ssl.SSLContext:
    """For a server."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return context


def trusting(certificate: Path) -> ssl.SSLContext:
    """For a client."""
    return ssl.create_default_context(cafile=str(certificate))
