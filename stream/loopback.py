"""Whether an address stays on this machine, and what to say of pages that do not.

>>> on_loopback("127.0.0.1"), on_loopback("localhost"), on_loopback("::1"), on_loopback("0.0.0.0"), on_loopback("kafka")
(True, True, True, False, False)
"""

from ipaddress import ip_address

from stream.settings import Http


def on_loopback(host: str) -> bool:
    """Names other than `localhost` are not looked up: what they mean may change after we asked."""
    if host.lower() == "localhost":
        return True
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def exposed(http: Http) -> str:
    """Why pages are not served at this address, and what to do; empty where they may be.

    >>> exposed(Http()), exposed(Http(host="0.0.0.0", allow_remote=True))
    ('', '')
    """
    if http.allow_remote or on_loopback(http.host):
        return ""
    return (
        f"http.host is '{http.host}', which others can reach, and the pages have no authentication: "
        "use 127.0.0.1, or set http.allow_remote = true behind a proxy that authenticates"
    )


def host_of(server: str) -> str:
    """The host in `host:port`, `PLAINTEXT://host:port` or `[::1]:port`.

    >>> host_of("kafka:9092"), host_of("PLAINTEXT://[::1]:9092"), host_of("kafka")
    ('kafka', '::1', 'kafka')
    """
    address = server.strip().rpartition("://")[2]
    if address.startswith("["):
        return address[1:].partition("]")[0]
    return address.rpartition(":")[0] or address
