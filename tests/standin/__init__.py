"""A stand-in for a Nomad agent: the part of its HTTP API that name lookups use, and every way in which it fails.

Tests, benchmarks and the demo start it as a process of its own; client.py is their door.
Reading order: catalogue, wire, acl, answers, stream, faults, server, control, client.
"""
