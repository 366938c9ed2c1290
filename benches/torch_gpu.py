"""What torch reaches on a GPU with the model and texts that splade is measured with: a step of xtask/gpu-check.sh.

    python benches/torch_gpu.py MODEL TEXTS.jsonl

Prints one result per line: products of torch, sentence-transformers at several batch sizes, and what an expert
would write by hand (sorted batches, scaled-dot-product attention, the head in tiles, sparse on the card).
"""

import json
import os
import sys
import time

os.environ["HF_HUB_OFFLINE"] = "1"
import torch
from sentence_transformers import SparseEncoder
from torch.nn.functional import linear
from transformers import AutoModelForMaskedLM, AutoTokenizer

# Depth and width of the products of BERT-base: queries, keys and values; output; up; down; head.
PRODUCTS = [(768, 2304), (768, 768), (768, 3072), (3072, 768), (768, 30528)]
TOKENS = 16384
BATCHES = (32, 128, 256)
# Words per tile of the head.
TILE = 7680


def seconds(work, rounds=1):
    torch.cuda.synchronize()
    start = time.perf_counter()
    for _ in range(rounds):
        work()
    torch.cuda.synchronize()
    return (time.perf_counter() - start) / rounds


def products():
    for depth, width in PRODUCTS:
        # Random numbers: the card is faster on zeros.
        x = torch.randn(TOKENS, depth, device="cuda", dtype=torch.bfloat16)
        weight = torch.randn(width, depth, device="cuda", dtype=torch.bfloat16)
        seconds(lambda: linear(x, weight), 3)
        speed = 2 * TOKENS * depth * width / seconds(lambda: linear(x, weight), 10) / 1e12
        print(f"torch, product {depth} to {width} in bf16: {speed:.0f} TFLOP/s", flush=True)


def sentence_transformers(model, texts):
    encoder = SparseEncoder(model, device="cuda", model_kwargs={"dtype": torch.bfloat16})
    for batch in BATCHES:
        encoder.encode(texts[:512], batch_size=batch, show_progress_bar=False)
        some = texts[:2048]
        took = seconds(lambda: encoder.encode(some, batch_size=batch, show_progress_bar=False))
        print(f"sentence-transformers in bf16, batch {batch}: {len(some) / took:.0f} texts/s", flush=True)


@torch.inference_mode()
def expert_round(model, ids, order):
    """Number of entries of all vectors."""
    transform, decoder = model.cls.predictions.transform, model.cls.predictions.decoder
    n_entries = start = 0
    while start < len(order):
        length = (len(ids[order[start]]) + 7) // 8 * 8
        batch = [ids[text] for text in order[start : start + max(1, TOKENS // length)]]
        start += len(batch)
        x = torch.zeros(len(batch), length, dtype=torch.long)
        mask = torch.zeros(len(batch), length, dtype=torch.long)
        for row, tokens in enumerate(batch):
            x[row, : len(tokens)], mask[row, : len(tokens)] = torch.tensor(tokens), 1
        x, mask = (tensor.pin_memory().cuda(non_blocking=True) for tensor in (x, mask))
        states = transform(model.bert(input_ids=x, attention_mask=mask).last_hidden_state)
        padding = (mask == 0).unsqueeze(-1)
        columns = []
        for word in range(0, decoder.weight.shape[0], TILE):
            logits = linear(states, decoder.weight[word : word + TILE], decoder.bias[word : word + TILE])
            columns.append(logits.masked_fill_(padding, 0).amax(1))
        rows = torch.log1p(torch.relu(torch.cat(columns, 1).float())).to_sparse()
        n_entries += rows.values().cpu().numel()
        rows.indices().cpu()
    return n_entries


def expert(folder, texts):
    tokenizer = AutoTokenizer.from_pretrained(folder)
    ids = tokenizer(texts, truncation=True, max_length=512)["input_ids"]
    order = sorted(range(len(ids)), key=lambda text: -len(ids[text]))
    model = AutoModelForMaskedLM.from_pretrained(folder, dtype=torch.bfloat16, attn_implementation="sdpa")
    model = model.cuda().eval()
    expert_round(model, ids, order)
    took = seconds(lambda: expert_round(model, ids, order))
    print(f"plain torch in bf16, sorted batches, tokenising left out: {len(texts) / took:.0f} texts/s", flush=True)


def main():
    folder, file = sys.argv[1:]
    with open(file, encoding="utf-8") as lines:
        texts = [json.loads(line)["text"] for line in lines]
    products()
    sentence_transformers(folder, texts)
    expert(folder, texts)


main()
