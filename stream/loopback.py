"""Whether an address stays on this machine.

>>> on_loopback("127.0.0.1"), on_loopback("localhost"), on_loopback("::1"), on_loopback("0.0.0.0"), on_loopback("kafka")
(True, True, True, False, False)
"""

from ipaddress import ip_address


def on_loopback(host: str) -> bool:
    """Names other than `localhost` are not looked up: what they mean may change after we asked."""
    if host.lower() == "localhost":
        return True
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def host_of(server: str) -> str:
    """The host in `host:port`, `PLAINTEXT://host:port` or `[::1]:port`.

    >>> host_of("kafka:9092"), host_of("PLAINTEXT://[::1]:9092"), host_of("kafka")
    ('kafka', '::1', 'kafka')
    """
    address = server.strip().rpartition("://")[2]
    if address.startswith("["):
        return address[1:].partition("]")[0]
    return address.rpartition(":")[0] or address
