"""The sandbox's own small interface, on the proxy's port: is it up, what was asked of it, what is ordered of it.

    GET    /health
    GET    /requests?since=N        what was asked after request N; each record is one ``faults.Record``
    GET    /faults                  those that are set
    POST   /faults                  sets one: a JSON object with any of ``faults.WISHES``
    GET    /faults/ID               what it has struck so far
    POST   /faults/ID/release       what it holds goes on
    DELETE /faults/ID, /faults      removed; what it holds is cut
    GET    /palette                 how the Palette stand-in is set
    POST   /palette                 sets it: a JSON object with any of ``palette.orders.Orders``
    POST   /palette/keys            a new API key for it: {"admin": is its user a tenant admin, "tenant": absent: main}

It tells no secrets but the keys made through it: neither headers nor bodies are recorded.
"""

import json
from dataclasses import asdict, dataclass
from typing import Any
from urllib.parse import parse_qs, urlsplit

from sandbox.faults import Faults
from sandbox.palette.api import Palette


@dataclass
class Control:
    facts: dict[str, Any]  # who runs here
    faults: Faults
    palette: Palette

    def __call__(self, method: str, target: str, body: bytes) -> tuple[int, Any]:
        """Status and JSON answer."""
        address = urlsplit(target)
        head, *rest = address.path.strip("/").split("/")
        try:
            if (method, head, rest) == ("GET", "health", []):
                return 200, self.facts
            if (method, head, rest) == ("GET", "requests", []):
                return 200, self.faults.listed(int(parse_qs(address.query).get("since", ["0"])[0]))
            if head == "palette":
                return self._palette(method, rest, body)
            if head == "faults":
                return self._faults(method, rest, body)
        except KeyError as error:
            return 404, {"error": f"there is no fault {error}"}
        except (ValueError, TypeError) as error:
            return 400, {"error": str(error)}
        return 404, {"error": f"there is no {method} {address.path} here"}

    def _palette(self, method: str, rest: list[str], body: bytes) -> tuple[int, Any]:
        if (method, rest) == ("POST", ["keys"]):
            wanted = json.loads(body)
            key = self.palette.make_key(admin=bool(wanted["admin"]), tenant=str(wanted.get("tenant") or "main"))
            return 200, {"key": key}
        if rest or method not in ("GET", "POST"):
            return 405, {"error": f"not for palette: {method}"}
        if method == "POST":
            self.palette.order(json.loads(body))
        return 200, asdict(self.palette.orders)

    def _faults(self, method: str, rest: list[str], body: bytes) -> tuple[int, Any]:
        faults = self.faults
        match method, rest:
            case "GET", []:
                return 200, [fault.describe() for fault in faults.faults.values()]
            case "POST", []:
                wishes = json.loads(body)
                if not isinstance(wishes, dict):
                    raise TypeError("a fault is a JSON object")
                return 200, faults.add(wishes).describe()
            case "DELETE", []:
                faults.clear()
                return 200, {}
            case "GET", [number]:
                return 200, faults.faults[int(number)].describe()
            case "DELETE", [number]:
                faults.remove(int(number))
                return 200, {}
            case "POST", [number, "release"]:
                faults.faults[int(number)].release()
                return 200, faults.faults[int(number)].describe()
        return 405, {"error": f"not for faults: {method}"}
