"""Find and check the certificate files of the options and the environment."""

from __future__ import annotations

import os
import ssl
from collections.abc import Callable
from functools import partial
from pathlib import Path

from rocketchat_integrations._protocol.transport_warnings import warn_insecure
from rocketchat_integrations.exceptions import ConfigurationError


def verification(verify: bool | str, base_url: str) -> bool | str:
    """Return whether to verify certificates, or the path of a CA bundle: the option's or the environment's.

    Warns once for each client that does not verify them.
    """
    option = "verify"
    is_tls = base_url.lower().startswith("https")
    if verify is False and is_tls:
        warn_insecure("verify=False: without a verified certificate, others can read the tokens and change the calls")
    if verify is True and is_tls:
        for option in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
            if os.environ.get(option):
                verify = os.environ[option]
                break
    if isinstance(verify, str) and not Path(verify).is_dir():
        _try(option, verify, partial(ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations, verify))
    return verify


def client_certificate(cert: str | tuple[str, str] | None) -> str | tuple[str, str] | None:
    """Return the client certificate of the option, after loading it once."""
    if cert is not None:
        load_client_certificate(ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT), cert)
    return cert


def load_client_certificate(context: ssl.SSLContext, cert: str | tuple[str, str]) -> None:
    """Load the client certificate of the option into a context."""
    certificate, key = (cert, None) if isinstance(cert, str) else cert
    # Without a password, OpenSSL would prompt for one on the terminal.
    _try("cert", f"{cert}", partial(context.load_cert_chain, certificate, key, password=""))


def _try(option: str, path: str, load: Callable[[], None]) -> None:
    try:
        load()
        return
    except (OSError, ValueError) as error:
        problem = getattr(error, "strerror", None) or type(error).__name__
    raise ConfigurationError(f"{option}: {path} cannot be used: {problem}")
