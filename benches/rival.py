"""Times sentence-transformers on a file of JSON lines {"id", "text"}, to set beside `splade encode`.

    python benches/rival.py MODEL_FOLDER FILE [--threads N] [--batch N] [--dtype float32|bfloat16]

Prints texts/s and tokens/s (median of three runs, texts already in memory) and peak memory.
"""
import argparse, json, resource, statistics, time

parser = argparse.ArgumentParser()
parser.add_argument('model')
parser.add_argument('file')
parser.add_argument('--threads', type=int, default=2)
parser.add_argument('--batch', type=int, default=32)
parser.add_argument('--dtype', default='float32')
args = parser.parse_args()

import torch
from sentence_transformers import SparseEncoder

torch.set_num_threads(args.threads)
with open(args.file, encoding='utf8') as lines:
    texts = [json.loads(line)['text'] for line in lines]
encoder = SparseEncoder(args.model, device='cpu', model_kwargs={'dtype': getattr(torch, args.dtype)})
n_tokens = sum(len(ids) for ids in encoder.tokenizer(texts, truncation=True)['input_ids'])

seconds = []
for _ in range(3):
    start = time.perf_counter()
    encoder.encode(texts, batch_size=args.batch, show_progress_bar=False)
    seconds.append(time.perf_counter() - start)
median = statistics.median(seconds)
peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
print(f'{len(texts)} texts, {n_tokens} tokens: {len(texts) / median:.1f} texts/s, '
      f'{n_tokens / median:.0f} tokens/s, peak {peak_mb} MB')
