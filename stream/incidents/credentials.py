"""Kafka's security settings, which are librdkafka's, in the form that Faust takes."""

import ssl
from typing import Any

from faust import SASLCredentials, SSLCredentials

from stream.engine.surprise import Surprise
from stream.secret import secret
from stream.settings import Kafka

MECHANISMS = ("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512")


def credentials(kafka: Kafka) -> SSLCredentials | SASLCredentials | None:
    """None for plaintext. Raises Surprise when a file cannot be read or a mechanism is not there."""
    match kafka.security_protocol:
        case "plaintext":
            return None
        case "ssl":
            return SSLCredentials(context(kafka))
        case "sasl_plaintext":
            return _sasl(kafka, None)
        case "sasl_ssl":
            return _sasl(kafka, context(kafka))


def context(kafka: Kafka) -> ssl.SSLContext:
    """What is trusted, and who we are."""
    try:
        made = ssl.create_default_context(cafile=kafka.ssl_ca_location or None)
        if kafka.ssl_certificate_location:
            password = secret(kafka.ssl_key_password, kafka.ssl_key_password_file)
            key = kafka.ssl_key_location or None
            made.load_cert_chain(kafka.ssl_certificate_location, key, password or None)
    except OSError as trouble:
        raise Surprise(
            f"a TLS file of kafka.ssl_ca_location, kafka.ssl_certificate_location or kafka.ssl_key_location "
            f"cannot be used: {trouble}; check the paths, their permissions and the password"
        ) from trouble
    if kafka.options.get("ssl.endpoint.identification.algorithm") == "none":
        made.check_hostname = False
    return made


def _sasl(kafka: Kafka, tls: ssl.SSLContext | None) -> SASLCredentials:
    mechanism = (kafka.sasl_mechanism or "PLAIN").upper()
    if mechanism not in MECHANISMS:
        raise Surprise(
            f"kafka.sasl_mechanism is {mechanism}; the incidents role can use {', '.join(MECHANISMS)}: "
            "give it a user with one of these"
        )
    given: dict[str, Any] = {"mechanism": mechanism, "ssl_context": tls}
    password = secret(kafka.sasl_password, kafka.sasl_password_file)
    return SASLCredentials(username=kafka.sasl_username, password=password, **given)
