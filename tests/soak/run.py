#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
"""Load, faults and endurance: our server and its clients as processes of their own, and what lies between them.

Each phase raises Failed when a byte is wrong or lost, when a connection breaks that should not, or when the server holds
more memory than it may. Memory is what the server's heap counter says, not what the kernel says.
"""
import argparse
import json
import pathlib
import random
import resource
import signal
import sys
import tempfile
import time

sys.dont_write_bytecode = True  # the sources stay as they are
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "peers"))
from lab import Failed, Lab, Program, Skipped, check, equal, find  # noqa: E402
from relay import Relay  # noqa: E402

IDLE = 10_000
BUSY = 200
SPARE = 600  # descriptors for all but the idle connections
PER_IDLE = 18_000  # bytes of heap: the stream, its coroutines and a read that waits
PER_DESCRIPTOR = 200  # Asio keeps its record of a descriptor for the next one
PER_SLOW = 120_000  # besides: two buffers of 16 KiB of the test's own, and records on their way


class Server(Program):
    def __init__(self, lab, *options, descriptors=None, prefix=()):
        limit = descriptors or resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        super().__init__([*prefix, "sh", "-c", f'ulimit -n {limit} && exec "$@"', "sh", lab.soak, "server", "--cert", lab.cert(), "--key",
                          lab.key(), *options], lab)
        self.port = int(self.wait_for(r"^listening on .*:(\d+)$").group(1))
        self.read_to = len(self.output)

    def state(self):
        self.read_to = len(self.output)
        self.process.send_signal(signal.SIGUSR1)
        return json.loads(self.wait_for(r"^(\{.*\})$", limit=30, after=self.read_to).group(1))

    def wait_until(self, done, limit=20):
        """Its state when that is as wanted, or when the time is over."""
        end = time.monotonic() + limit
        while not done(state := self.state()) and time.monotonic() < end:
            time.sleep(0.1)
        return state

    def settled(self, open_connections):
        """Its state when no more than these are open."""
        state = self.wait_until(lambda state: state["open"] <= open_connections)
        check(state["open"] <= open_connections, f"{state['open']} connections are still open, {open_connections} expected")
        return state


class Clients(Program):
    def __init__(self, lab, port, prefix=(), **options):
        arguments = [part for name, value in options.items() for part in (f"--{name.replace('_', '-')}", value)]
        limit = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        super().__init__([*prefix, "sh", "-c", f'ulimit -n {limit} && exec "$@"', "sh", lab.soak, "clients", "--ca", lab.cert("ca"),
                          "--port", port, *arguments], lab, stdin=-1)

    def result(self, good=True, limit=120):
        status = self.end(limit)
        lines = [json.loads(line) for line in self.output.splitlines() if line.startswith("{")]
        check(status == 0 and lines, f"clients ended with {status}: {self.output[-400:]}")
        equal((lines[-1]["wrong"], lines[-1]["lost"]), (0, 0), "wrong and lost bytes")
        check(not good or lines[-1]["broken"] == 0, f"broken connections: {lines[-1]}")
        return lines[-1]


class Run:
    """One run: its phases, what they found, and what is reported."""

    def __init__(self, lab, seconds, seed):
        self.lab, self.seconds, self.seed = lab, seconds, seed
        self.rows, self.bytes, self.exchanges = [], 0, 0

    def part(self, share):
        """Whole seconds of this share of the run."""
        return max(1, round(self.seconds * share))

    def add(self, result):
        self.bytes += result["up"] + result["down"]
        self.exchanges += result["whole"]
        return result

    def phase(self, title, function):
        start = time.monotonic()
        try:
            result, text = "passed", function()
        except Skipped as e:
            result, text = "skipped", str(e)
        except Failed as e:
            result, text = "FAILED", str(e)
        self.rows.append((title, result, text))
        print(f"{result:8} {title} ({time.monotonic() - start:.1f} s): {text}", flush=True)

    # ---- one server through all of it ----

    def load(self):
        """The idle connections stay while the others come and go."""
        lab = self.lab
        server = Server(lab, "--buffer", 65536)
        empty, idle = {}, {}

        def begin():
            """What is made once is made then."""
            result = self.add(Clients(lab, server.port, exchanges=20, up=1000, down=1000).result())
            empty.update(server.settled(0))
            return f"{result['whole']} exchanges"

        def hold():
            possible = min(IDLE, resource.getrlimit(resource.RLIMIT_NOFILE)[1] - SPARE)
            idle["clients"] = Clients(lab, server.port, idle=possible, time=self.part(0.25), up=100, down=100, patience=3600)
            opened = json.loads(idle["clients"].wait_for(r"^(\{.*\})$", limit=self.part(0.25) + 60).group(1))
            equal(opened["broken"], 0, "broken connections")
            idle["count"] = opened["handshakes"]
            state = server.state()
            equal(state["open"], idle["count"], "connections that the server has open")
            idle["heap"], each = state["heap"], (state["heap"] - empty["heap"]) / idle["count"]
            check(each < PER_IDLE, f"{each:.0f} bytes of heap for an idle connection, {PER_IDLE} allowed")
            check(idle["count"] >= min(possible, BUSY), f"only {idle['count']} idle connections in {self.part(0.25)} s")
            why = "" if possible == IDLE else f", no more since there are only {possible + SPARE} descriptors"
            why = why if idle["count"] == possible else f" of {possible}, no more in the time given"
            return f"{idle['count']} idle connections{why}, {each:.0f} bytes of heap each (fewer than {PER_IDLE} asserted)"

        def slow(up, down, limit=PER_SLOW, **options):
            def run():
                clients = Clients(lab, server.port, parallel=50, exchanges=50, up=up, down=down, slow_time=self.part(0.04), **options)
                state = server.wait_until(lambda state: state["open"] >= idle["count"] + 50 or clients.process.poll() is not None)
                count = state["open"] - idle["count"]
                check(count > 0, "no slow connection was open when it was looked for")
                each = (state["heap"] - idle["heap"]) / count
                check(each < limit, f"{each:.0f} bytes of heap for each, {limit} allowed")
                self.add(clients.result())
                return f"{count} at a time, {each:.0f} bytes of heap each (fewer than {limit} asserted)"
            return run

        def steady():
            """The same load again and again: the heap afterwards does not grow."""
            heaps, whole, rounds = [], 0, 4
            for i in range(rounds):
                result = self.add(Clients(lab, server.port, parallel=BUSY, time=self.part(0.13 / rounds), up=60_000, down=60_000,
                                          random_sizes=1, resume=1, seed=self.seed + i).result())
                whole += result["whole"]
                heaps.append(server.settled(idle["count"])["heap"])
            growth = max(heaps[1:]) - heaps[0]
            check(growth < 100_000, f"the heap grows: {heaps}")
            return f"{BUSY} busy connections at a time beside the idle ones, {whole} exchanges, {rounds} rounds, growth {growth} bytes (fewer than 100,000 asserted)"

        def flood():
            result = self.add(Clients(lab, server.port, parallel=64, time=self.part(0.05), up=0, down=0, version="1.3").result())
            state = server.settled(idle["count"])
            check(state["heap"] - idle["heap"] < 256_000, f"{state['heap'] - idle['heap']} bytes of heap stay")
            check(result["whole"] >= 64, f"only {result['whole']} handshakes")
            return f"{result['whole']} full handshakes, each with its connection closed at once"

        def wake():
            """All idle connections still work, and nothing is left behind."""
            idle["clients"].process.stdin.close()
            result = self.add(idle["clients"].result())
            equal(result["whole"], idle["count"], "connections that worked after the load")
            state = server.settled(0)
            equal((state["wrong"], state["broken"]), (0, 0), "wrong bytes and broken connections, says the server")
            left = state["heap"] - empty["heap"]
            allowed = 256_000 + PER_DESCRIPTOR * idle["count"]
            check(left < allowed, f"{left} bytes of heap are left behind, {allowed} allowed")
            return f"all {idle['count']} were used, {left} bytes of heap left behind (fewer than {allowed} asserted)"

        self.phase("first exchanges", begin)
        if not empty:
            return
        self.phase("idle connections", hold)
        if "heap" not in idle:
            return
        self.phase("slow readers", slow(0, 1_000_000, read_size=512, read_pause=20, buffer=8192))
        self.phase("slow writers", slow(100_000, 0, write_size=500, write_pause=20))
        self.phase("one-byte senders", slow(300, 300, write_size=1, write_pause=10, read_size=1))
        self.phase("busy connections, memory steady", steady)
        self.phase("handshake flood", flood)
        self.phase("the idle connections afterwards", wake)
        self.lab.end_case()

    # ---- faults ----

    def descriptors(self):
        """A server with few descriptors: what it cannot accept waits, it does not spin, and it recovers."""
        lab = self.lab
        server = Server(lab, descriptors=64)
        clients = Clients(lab, server.port, idle=200, time=20, patience=20, up=10, down=10)
        server.wait_until(lambda state: state["not_accepted"] >= 1)
        time.sleep(2)
        state = server.state()
        check(state["open"] < 64, f"{state['open']} connections with 64 descriptors")
        check(state["not_accepted"] >= 1, "the descriptors were not exhausted")
        check(state["not_accepted"] < 1000, f"{state['not_accepted']} failed accepts in about 2 s: it does not back off")
        clients.kill()
        server.settled(0)
        result = self.add(Clients(lab, server.port, exchanges=20, up=1000, down=1000).result())
        equal(result["whole"], 20, "exchanges after the recovery")
        return f"64 descriptors: {state['open']} connections, {state['not_accepted']} failed accepts, then all 20 exchanges passed"

    def chopped(self):
        """Pieces of 1 to 700 bytes with pauses: nothing breaks."""
        server = Server(self.lab)
        with Relay(server.port, seed=self.seed, most=700, pause=0.002) as relay:
            result = self.add(Clients(self.lab, relay.port, parallel=20, time=self.part(0.05), up=40_000, down=40_000, random_sizes=1,
                                      seed=self.seed).result())
            check(relay.pieces > 100 and result["whole"] > 0, f"{relay.pieces} pieces, {result}")
        equal(server.settled(0)["wrong"], 0, "wrong bytes, says the server")
        return f"{result['whole']} exchanges in {relay.pieces} pieces, none broken"

    def flipped(self):
        """One bit of each connection is flipped, anywhere in either direction: an error, never a wrong byte."""
        server = Server(self.lab)
        with Relay(server.port, seed=self.seed, flip=True) as relay:
            clients = Clients(self.lab, relay.port, parallel=8, exchanges=200, time=self.part(0.2), patience=10, up=3000, down=3000,
                              seed=self.seed)
            result = clients.result(good=False)
            flips = relay.flips
        state = server.settled(0)
        equal(state["wrong"], 0, "wrong bytes, says the server")
        check(flips > 20, f"only {flips} bits were flipped")
        broken = max(result["broken"], state["broken"])
        check(broken >= flips, f"{flips} bits were flipped, but only {broken} connections broke: {result} {state}")
        return f"{flips} bits flipped, {result['broken']} connections broken at the client, no wrong byte; " + ", ".join(
            f"{n} x {text}" for text, n in sorted(result["errors"].items(), key=lambda e: -e[1])[:3])

    def network(self, title, commands, needs):
        """In a network of its own that loses packets, has short ones, or is slow."""
        def run():
            for program in ("unshare", "nsenter", "ip", *needs):
                if not find(program):
                    raise Skipped(f"no {program} here")
            setup = "ip link set lo up && " + " && ".join(commands)
            probe = self.lab.run("unshare", "--net", "sh", "-c", setup)
            if probe.returncode:
                raise Skipped(f"not permitted here: {probe.stderr.decode().strip().splitlines()[-1:]}")
            server = Server(self.lab, prefix=("unshare", "--net", "sh", "-c", f'{setup} && exec "$@"', "sh"))
            result = self.add(Clients(self.lab, server.port, prefix=("nsenter", f"--net=/proc/{server.pid}/ns/net"), parallel=20,
                                      time=self.part(0.04), up=50_000, down=50_000, random_sizes=1, seed=self.seed).result())
            equal(server.settled(0)["wrong"], 0, "wrong bytes, says the server")
            check(result["whole"] > 0, "no exchange came to its end")
            return f"{result['whole']} exchanges, {result['up'] + result['down']} bytes"
        self.phase(title, run)
        self.lab.end_case()

    def all(self):
        self.load()
        for title, function in (("descriptors exhausted", self.descriptors), ("relay that chops and delays", self.chopped),
                                ("relay that flips bits", self.flipped)):
            self.phase(title, function)
            self.lab.end_case()
        self.network("2 % of all packets lost", ["iptables -A INPUT -p tcp -m statistic --mode random --probability 0.02 -j DROP"], ["iptables"])
        self.network("MTU 400", ["ip link set lo mtu 400"], [])
        self.network("rate limit of 20 Mbit/s", ["tc qdisc add dev lo root tbf rate 20mbit burst 64kb latency 400ms"], ["tc"])


HEADER = """<!-- SPDX-License-Identifier: BSL-1.0 -->
# Load and soak

Written by `./dev soak`; [testing.md](testing.md) says how it works. Every byte is checked against a pattern that depends on
its position, on both sides. Memory is the server's heap as counted by its own allocator.

"""


def main():
    parser = argparse.ArgumentParser(description="Load, faults and endurance.")
    parser.add_argument("--build", required=True, help="build directory with our programs")
    parser.add_argument("--seconds", type=int, default=60, help="about how long it takes (60)")
    parser.add_argument("--seed", type=int, default=random.randrange(1, 1_000_000))
    parser.add_argument("--report", help="write the table to this file")
    arguments = parser.parse_args()
    print(f"seed {arguments.seed}", flush=True)
    with tempfile.TemporaryDirectory(prefix="tlsmode-soak.") as directory:
        lab = Lab(pathlib.Path(arguments.build).resolve(), directory)
        lab.soak = lab.build / "tests/soak/tlsmode_soak"
        run = Run(lab, arguments.seconds, arguments.seed)
        try:
            run.all()
        finally:
            lab.end_case()
    failed = sum(1 for row in run.rows if row[1] == "FAILED")
    skipped = sum(1 for row in run.rows if row[1] == "skipped")
    summary = (f"{len(run.rows) - failed - skipped} phases passed, {failed} failed, {skipped} skipped; {run.exchanges} exchanges, "
               f"{run.bytes / 1e6:.0f} MB checked, bytes lost: {'0' if not failed else 'see above'}")
    print(summary)
    if arguments.report:
        table = "".join(f"| {title} | {result} | {text} |\n" for title, result, text in run.rows)
        pathlib.Path(arguments.report).write_text(f"{HEADER}{arguments.seconds} seconds, seed {arguments.seed}.\n\n| | | |\n|---|---|---|\n{table}\n"
                                                  f"{summary[0].upper()}{summary[1:]}.\n", encoding="utf-8")
        print(f"written to {arguments.report}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
