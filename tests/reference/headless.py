"""Encoders without a head in CSR pipelines, mean pooling and a SparseAutoEncoder: layouts with another transformer."""

import tempfile
from pathlib import Path

from sentence_transformers.base.modules import Transformer
from sentence_transformers.sentence_transformer.modules import Pooling
from transformers import ModernBertModel, MPNetModel, RobertaModel

import csr
import modernbert
import mpnet
import parameters
import roberta
import small_bert
from architecture import Architecture
from layout import Layout


def all_layouts() -> list[Layout]:
    return [
        Layout("csr-roberta", pipeline(roberta.checkpoint("roberta", 701, {}), RobertaModel)),
        Layout("csr-modernbert", pipeline(modernbert.checkpoint("modernbert", 702, {}), ModernBertModel)),
        Layout("csr-mpnet", pipeline(mpnet.checkpoint("mpnet", 703, 48, {}), MPNetModel)),
    ]


def pipeline(base: Architecture, model_class: type):
    def write(folder: Path) -> None:
        model = model_class(base.config).eval()
        parameters.fill(model, base.seed, bias_shift=0.0)
        with tempfile.TemporaryDirectory() as scratch:
            model.save_pretrained(scratch)
            base.tokenizer.save_pretrained(scratch)
            transformer = Transformer(scratch, transformer_task="feature-extraction")
        size = base.config.hidden_size
        sparse = csr.sparse_auto_encoder(base.seed, size)
        small_bert.save([transformer, Pooling(size, "mean"), sparse], folder)

    return write
