"""Local models under the hub ids that sentence-transformers' tests ask for."""

from __future__ import annotations

import shutil
from pathlib import Path

FIXTURES = Path(__file__).resolve().parents[2] / "tests" / "fixtures"
SPLADE = "sparse-encoder-testing/splade-bert-tiny-nq"
ROUTER = "sparse-encoder-testing/inference-free-splade-bert-tiny-nq"
CSR = "sentence-transformers-testing/stsb-bert-tiny-safetensors"


def make(folder: Path) -> None:
    """Writes the models below `folder`, with sentence-transformers. An id is then a folder of the
    working directory, which both libraries look for before they ask the hub."""
    if (folder / CSR / "modules.json").is_file():
        return
    for name in (SPLADE, ROUTER, CSR):
        shutil.rmtree(folder / name, ignore_errors=True)
    import torch
    from sentence_transformers import SparseEncoder
    from sentence_transformers.base.modules import Router, Transformer
    from sentence_transformers.sentence_transformer.modules import Pooling
    from sentence_transformers.sparse_encoder.modules import (
        SparseAutoEncoder,
        SparseStaticEmbedding,
        SpladePooling,
    )

    torch.manual_seed(0)
    tiny = FIXTURES / "splade-tiny"
    # A trained model: two asserts need sparse vectors that have something in common. Like the hub's
    # model, its pooling says how many dimensions it has.
    transformer = Transformer(str(tiny), transformer_task="fill-mask")
    pooling = SpladePooling("max", embedding_dimension=len(transformer.tokenizer))
    document = SparseEncoder(modules=[transformer, pooling], device="cpu")
    document.save_pretrained(str(folder / SPLADE), create_model_card=False)

    # One assert wants 50 tokens of a short document: raise all logits.
    with torch.no_grad():
        transformer.model.get_output_embeddings().bias += 2.0
    weight = torch.rand(len(document.tokenizer)) + 0.1
    query = SparseStaticEmbedding(document.tokenizer, weight=weight, frozen=True)
    router = Router.for_query_document(query_modules=[query], document_modules=list(document))
    SparseEncoder(modules=[router], device="cpu").save_pretrained(
        str(folder / ROUTER), create_model_card=False
    )

    transformer = Transformer(str(tiny))
    width = transformer.get_embedding_dimension()
    modules = [
        transformer,
        Pooling(width, pooling_mode="mean"),
        SparseAutoEncoder(input_dim=width, hidden_dim=4 * width, k=16, k_aux=32),
    ]
    SparseEncoder(modules=modules, device="cpu").save_pretrained(
        str(folder / CSR), create_model_card=False
    )
