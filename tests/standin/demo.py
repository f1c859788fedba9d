"""The services of `python3 tests/standin --demo --port 4646`. Called by control.py and __main__.py."""

SERVICES = [
    {"name": "redis", "address": "127.0.0.1", "port": 25395, "tags": ["cache", "primary"], "label": "db"},
    {"name": "redis", "address": "127.0.0.2", "port": 23673, "tags": ["cache", "replica"], "label": "db"},
    {"name": "web", "address": "127.0.0.1", "port": 8081, "tags": ["v1"], "label": "http"},
    {"name": "web", "address": "127.0.0.2", "port": 8082, "tags": ["v1"], "label": "http"},
    {"name": "web", "address": "127.0.0.3", "port": 8083, "tags": ["v2"], "label": "http"},
    {"name": "api", "namespace": "prod", "address": "127.0.0.4", "port": 9000, "tags": ["v1"], "label": "http"},
    {"name": "six", "address": "::1", "port": 22106, "label": "six"},
    {"name": "host", "address": "localhost", "port": 5432, "label": "5432"},
    {"name": "odd", "address": "", "port": 8080, "label": "8080"},
    {"name": "odd", "address": "[2001:db8::2]", "port": 8002, "label": "8002"},
    {"name": "odd", "address": "not an address!", "port": -5, "label": "-5"},
    {"name": "odd", "address": "fe80::1%eth0", "port": 99999, "label": "99999"},
    {"name": "odd", "address": "192.0.2.1", "port": 0, "label": ""},
    {"name": "x-a.b_c/d é", "address": "192.0.2.2", "port": 1, "label": "x"},
    {"name": "MixedCase", "address": "127.0.0.5", "port": 7000, "tags": ["a,b", "with space", "", "é", "UP"]},
]


def register(catalogue):
    for each in SERVICES:
        catalogue.register([each])
