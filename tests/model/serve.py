"""Serves a model's weights by llama.cpp's own server until SIGTERM. One thread: two get slower on a busy machine."""

import signal
import sys

import xllamacpp


def main(weights, port):
    params = xllamacpp.CommonParams()
    params.model.path = weights
    params.hostnames = ["127.0.0.1"]
    params.port = int(port)
    params.n_ctx = 4096
    params.n_parallel = 2
    params.use_jinja = True
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = 1
    try:
        params.model_alias = {"smollm2-135m"}
    except TypeError:
        params.model_alias = ["smollm2-135m"]
    server = xllamacpp.Server(params)
    print("ready", server.listening_address + "/v1", flush=True)
    signal.sigwait({signal.SIGTERM, signal.SIGINT})


signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGINT})
main(*sys.argv[1:])
