"""What can be set on a running stand-in; every part reads it, the control command "set" writes it."""

import dataclasses


@dataclasses.dataclass
class Settings:
    region: str = "global"
    error_prefix: str = ""          # "rpc error: " makes it look like a client agent
    known_leader: bool = True
    last_contact: int = 0           # milliseconds
    headers: dict = dataclasses.field(default_factory=dict)   # http_api_response_headers
    max_connections: int = 100      # http_max_conns_per_client; streams do not count
    heartbeat: float = 30.0         # seconds between two {} of a stream
    denied_close: float | None = None   # seconds until a denied stream is closed; None is never
    write_timeout: float = 40.0     # seconds a stream waits for a reader that does not read

    def change(self, changes):
        for name, value in changes.items():
            if name not in self.__dataclass_fields__:
                raise ValueError(f"no such setting: {name}")
            setattr(self, name, value)
