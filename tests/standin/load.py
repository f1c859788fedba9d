"""Many services at once, and many changes: for benchmarks and for tests of size. Called by control.py."""

import asyncio
import random


def address(number):
    """The number-th address of 10.0.0.0/8."""
    number += 1
    return f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"


def populate(catalogue, services, instances, namespace="default", prefix="service-", silent=False):
    """service-0 to service-N; instance i of service s has address(s * instances + i) and port 20000 + i."""
    for number in range(services):
        catalogue.register([
            {"name": f"{prefix}{number}", "namespace": namespace, "tags": [f"i{instance}"],
             "address": address(number * instances + instance), "port": 20000 + instance}
            for instance in range(instances)], silent)
    return {"registered": services * instances}


class Churn:
    """Random changes, the same ones for the same seed and catalogue."""

    def __init__(self, catalogue, seed):
        self.catalogue, self.random = catalogue, random.Random(seed)
        self.keys = list(catalogue.by_id)
        self.done = {"register": 0, "deregister": 0, "update": 0, "restart": 0}

    def pick(self):
        """A place in keys that still holds a registration."""
        while self.keys:
            place = self.random.randrange(len(self.keys))
            if self.keys[place] in self.catalogue.by_id:
                return place
            self.keys[place] = self.keys[-1]
            self.keys.pop()
        return None

    def change(self):
        place = self.pick()
        what = self.random.choice(list(self.done)) if place is not None else "register"
        self.done[what] += 1
        getattr(self, what)(place)

    def register(self, place):
        """Mostly one more instance of a service that is there."""
        namespace, name = "default", f"churn-{self.random.randrange(1000)}"
        if place is not None and self.random.random() < 0.9:
            fields = self.catalogue.by_id[self.keys[place]].fields
            namespace, name = fields["Namespace"], fields["ServiceName"]
        ids = self.catalogue.register([{"name": name, "namespace": namespace,
                                        "address": address(self.random.getrandbits(24) % 16000000)}])
        self.keys.append((namespace, ids[0]))

    def deregister(self, place):
        self.catalogue.deregister([self.keys[place]])
        self.keys[place] = self.keys[-1]
        self.keys.pop()

    def update(self, place):
        fields = self.catalogue.by_id[self.keys[place]].fields
        self.catalogue.register([{"name": fields["ServiceName"], "namespace": fields["Namespace"],
                                  "id": fields["ID"], "tags": [f"v{self.random.randrange(10**6)}"]}])

    def restart(self, place):
        self.catalogue.restore(self.catalogue.deregister([self.keys[place]]))


async def churn(catalogue, changes, seed=1, rate=None):
    """That many changes, `rate` a second or as fast as the streams' readers allow."""
    churning = Churn(catalogue, seed)
    clock = asyncio.get_running_loop().time
    start = clock()
    for number in range(changes):
        churning.change()
        ahead = start + number / rate - clock() if rate else 0
        if ahead > 0 or number % 20 == 0:
            await asyncio.sleep(max(0, ahead))
    return {"changes": churning.done, "seconds": clock() - start}
