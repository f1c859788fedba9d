"""Command line of the stand-in agent: `python3 tests/standin --help`. Started by people, and by client.py for tests."""

import argparse
import asyncio
import pathlib
import signal
import socket
import ssl
import sys

if not __package__:     # run as a folder
    sys.path[0] = str(pathlib.Path(__file__).resolve().parent.parent)

from standin import control, demo, server      # noqa: E402


def arguments():
    parser = argparse.ArgumentParser(prog="standin", description="A stand-in for a Nomad agent.")
    parser.add_argument("--listen", default="127.0.0.1", metavar="ADDR", help="address of the HTTP API")
    parser.add_argument("--port", type=int, default=0, help="its port (default: any free one)")
    parser.add_argument("--no-tcp", action="store_true", help="no HTTP API over TCP")
    parser.add_argument("--unix", metavar="PATH", help="a socket that behaves as a task's api.sock")
    parser.add_argument("--tls-cert", metavar="FILE", help="serve TLS with this certificate")
    parser.add_argument("--tls-key", metavar="FILE")
    parser.add_argument("--client-ca", metavar="FILE", help="ask for client certificates of this CA")
    parser.add_argument("--seed", type=int, default=1, help="what IDs and ports are drawn from")
    parser.add_argument("--demo", action="store_true", help="register a few services")
    parser.add_argument("--no-control", action="store_true", help="no commands on stdin: run until SIGTERM")
    return parser.parse_args()


def tls(args):
    if not args.tls_cert:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(args.tls_cert, args.tls_key)
    if args.client_ca:
        context.load_verify_locations(args.client_ca)
        context.verify_mode = ssl.CERT_REQUIRED
    return context


async def main():
    args = arguments()
    agent = server.Server(args.seed)
    if args.demo:
        demo.register(agent.catalogue)
    ready = {"ok": True}
    if not args.no_tcp:
        context = tls(args)
        family = socket.AF_INET6 if ":" in args.listen else socket.AF_INET
        port = agent.listen(family, (args.listen, args.port), context)[1]
        host = f"[{args.listen}]" if ":" in args.listen else args.listen
        ready.update(url=f"{'https' if context else 'http'}://{host}:{port}", port=port)
    if args.unix:
        ready["unix"] = agent.listen(socket.AF_UNIX, args.unix)
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    control.say(ready)
    ways_to_end = [asyncio.ensure_future(stop.wait())]
    if not args.no_control:
        ways_to_end.append(asyncio.ensure_future(control.obey_stdin(agent)))
    await asyncio.wait(ways_to_end, return_when=asyncio.FIRST_COMPLETED)
    await agent.end()


asyncio.run(main())
