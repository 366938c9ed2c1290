"""Serves a sparse encoder of sentence-transformers, as one would without splade, for `cargo xtask load figures --rivals`.

    python benches/serve_rivals.py --engine fastapi|litserve --model FOLDER --port N [--precision f32|bf16] [--threads N]

POST /embed_sparse {"inputs": "text" or ["text", ...]} answers [[{"index", "value"}, ...], ...], and GET /health answers
200 once the model is loaded and has encoded something.

fastapi computes each request by itself, one after the other: torch uses all threads for one, and two at once take
longer than one after the other. litserve puts up to 32 requests that arrive within 10 ms into one batch.
benches/serve-rivals-requirements.txt pins the packages.
"""
import argparse
import json
import os
import threading

import litserve
import uvicorn
from fastapi import FastAPI, Response
from pydantic import BaseModel

MAX_TOKENS = 512
# Texts per forward pass within `encode`, which sorts by length.
BATCH_SIZE = 32
MAX_REQUESTS = 32
BATCH_TIMEOUT_S = 0.01
WARM_UP = ['a sparse vector has a weight for each word'] * 8


class Encoder:
    def __init__(self, model, precision, threads):
        import torch
        from sentence_transformers import SparseEncoder

        torch.set_num_threads(threads)
        dtype = {'f32': torch.float32, 'bf16': torch.bfloat16}[precision]
        self.encoder = SparseEncoder(model, device='cpu', model_kwargs={'dtype': dtype})
        if (self.encoder.max_seq_length or MAX_TOKENS + 1) > MAX_TOKENS:
            self.encoder.max_seq_length = MAX_TOKENS
        self.encode(WARM_UP)

    def encode(self, texts):
        """One vector for each text, as a list of (index, value)."""
        vectors = self.encoder.encode(texts, batch_size=BATCH_SIZE, show_progress_bar=False).coalesce()
        rows, columns = vectors.indices().tolist()
        embeddings = [[] for _ in texts]
        for row, column, value in zip(rows, columns, vectors.values().float().tolist()):
            embeddings[row].append({'index': column, 'value': value})
        return embeddings


class Request(BaseModel):
    inputs: str | list[str]


def serve_fastapi(args):
    encoder = Encoder(args.model, args.precision, args.threads)
    turn = threading.Lock()
    app = FastAPI()

    @app.post('/embed_sparse')
    def embed_sparse(request: Request):
        with turn:
            embeddings = encoder.encode(texts_of(request.inputs))
        return answer(embeddings)

    @app.get('/health')
    def health():
        return Response()

    uvicorn.run(app, host='127.0.0.1', port=args.port, log_level='warning', timeout_keep_alive=120)


class Api(litserve.LitAPI):
    """Runs in a process of its own, which imports this file again."""

    def __init__(self, args, **options):
        super().__init__(**options)
        self.args = args

    def setup(self, device):
        self.encoder = Encoder(self.args.model, self.args.precision, self.args.threads)

    def decode_request(self, request):
        return texts_of(request['inputs'])

    def batch(self, inputs):
        return inputs

    def predict(self, requests):
        embeddings = iter(self.encoder.encode([text for texts in requests for text in texts]))
        return [[next(embeddings) for _ in texts] for texts in requests]

    def unbatch(self, output):
        return output

    def encode_response(self, output):
        return answer(output)


def serve_litserve(args):
    api = Api(args, max_batch_size=MAX_REQUESTS, batch_timeout=BATCH_TIMEOUT_S, api_path='/embed_sparse')
    server = litserve.LitServer(api, accelerator='cpu', workers_per_device=1, timeout=120)
    server.run(host='127.0.0.1', port=args.port, generate_client_file=False, log_level='warning',
               timeout_keep_alive=120)


def texts_of(inputs):
    return [inputs] if isinstance(inputs, str) else inputs


def answer(embeddings):
    # Written here: FastAPI's own way through its encoder takes several times as long.
    return Response(json.dumps(embeddings), media_type='application/json')


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('--engine', choices=['fastapi', 'litserve'], required=True)
    parser.add_argument('--model', required=True)
    parser.add_argument('--port', type=int, required=True)
    parser.add_argument('--precision', choices=['f32', 'bf16'], default='f32')
    parser.add_argument('--threads', type=int, default=os.cpu_count())
    args = parser.parse_args()
    {'fastapi': serve_fastapi, 'litserve': serve_litserve}[args.engine](args)


if __name__ == '__main__':
    main()
