"""``python -m sandbox.aws_plugin [FLAGS...] ENGINE``: serves the protocol on a free port, and prints the port for the engine."""

import os
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import grpc
from pulumi.runtime.proto import provider_pb2_grpc

from sandbox.aws_plugin.provider import Provider

_LIMIT = 400 * 1024 * 1024  # the engine's own


def main() -> None:
    # Looked up before the port is printed: the engine may be killed as soon as it knows the port.
    engine = os.getppid()
    options = [("grpc.max_receive_message_length", _LIMIT), ("grpc.max_send_message_length", _LIMIT)]
    server = grpc.server(ThreadPoolExecutor(32), options=options)
    provider_pb2_grpc.add_ResourceProviderServicer_to_server(Provider("".join(sys.argv[1:][-1:])), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    print(port, flush=True)
    # The engine ends its plugins, unless it was killed: then this process gets another parent.
    while os.getppid() == engine:
        time.sleep(0.5)
    server.stop(grace=None)


main()
