"""CSR layouts: a transformer without a head, Pooling, perhaps Dense and Normalize, and a SparseAutoEncoder."""

import json
import shutil
from pathlib import Path

import numpy as np
import torch
from sentence_transformers.base.modules import Dense, Module, Normalize
from sentence_transformers.sentence_transformer.modules import Pooling
from sentence_transformers.sparse_encoder.modules import SparseAutoEncoder

import small_bert
from layout import Layout, call

HIDDEN_DIM = 48
K = 8
SIZE = small_bert.HIDDEN_SIZE
OLD = "sentence_transformers.models"
OLD_SPARSE = "sentence_transformers.sparse_encoder.models"


def all_layouts() -> list[Layout]:
    active = [call("encode", max_active_dims=k) for k in (3, 20, HIDDEN_DIM, HIDDEN_DIM + 1)]
    prompts = [call("encode", prompt="note: "), call("encode_document", prompt="the of and to in is " * 8)]
    return [
        Layout("csr-mean", pooled(401, "mean"), active),
        Layout("csr-cls", pooled(402, "cls", normalize=True), active),
        Layout("csr-max", csr_max, [call("encode", max_active_dims=10)]),
        Layout("csr-mean-sqrt", pooled(404, "mean_sqrt_len_tokens", normalize=True)),
        Layout("csr-weightedmean", pooled(405, "weightedmean")),
        Layout("csr-lasttoken", pooled(406, "lasttoken")),
        Layout("csr-two-modes", pooled(407, ["max", "cls"])),
        Layout("csr-legacy", csr_legacy),
        Layout("csr-dense-tanh", csr_dense_tanh),
        Layout("csr-dense-identity", csr_dense_identity),
        Layout("csr-dense-residual", csr_dense_residual),
        Layout("csr-normalize", csr_normalize),
        Layout("csr-bin", csr_bin),
        Layout("csr-exclude-prompt", exclude_prompt(413, "mean"), prompts),
        Layout("csr-exclude-prompt-two", exclude_prompt(414, ["cls", "weightedmean", "lasttoken"]), prompts),
    ]


def backbone(seed: int, pooling_mode: str | list[str], **pooling) -> list[Module]:
    transformer = small_bert.transformer(small_bert.encoder_only(seed), "feature-extraction")
    return [transformer, Pooling(SIZE, pooling_mode, **pooling)]


def sparse_auto_encoder(seed: int, input_dim: int, normalize: bool = False) -> SparseAutoEncoder:
    module = SparseAutoEncoder(input_dim, HIDDEN_DIM, k=K, k_aux=16, normalize=normalize)
    rng = np.random.default_rng(seed + 1000)
    module.encoder.weight.data.copy_(small_bert.random_tensor(rng, HIDDEN_DIM, input_dim, spread=0.3))
    module.pre_bias.data.copy_(small_bert.random_tensor(rng, input_dim, spread=0.2))
    # Below zero, so that fewer than k latents survive the ReLU in some rows.
    module.latent_bias.data.copy_(small_bert.random_tensor(rng, HIDDEN_DIM, spread=0.3) - 0.6)
    module.stats_last_nonzero.copy_(torch.from_numpy(rng.integers(0, 40, HIDDEN_DIM)))
    return module


def dense(seed: int, out_features: int, **options) -> Dense:
    module = Dense(SIZE, out_features, **options)
    rng = np.random.default_rng(seed + 2000)
    for parameter in module.parameters():
        parameter.data.copy_(small_bert.random_tensor(rng, *parameter.shape, spread=0.4))
    return module


def pooled(seed: int, pooling_mode: str | list[str], normalize: bool = False):
    def write(folder: Path) -> None:
        modules = backbone(seed, pooling_mode)
        width = modules[-1].get_embedding_dimension()
        small_bert.save([*modules, sparse_auto_encoder(seed, width, normalize)], folder)

    return write


def csr_max(folder: Path) -> None:
    """The encoder's own max_active_dims goes before the k of its SparseAutoEncoder."""
    pooled(403, "max")(folder)
    small_bert.edit_json(folder / "config_sentence_transformers.json", lambda it: it | {"max_active_dims": 4})


def csr_legacy(folder: Path) -> None:
    """Old class names, old keys, and no max_active_dims. Modes are joined in a fixed order: cls before mean."""
    modules = backbone(408, ["cls", "mean"])
    small_bert.save([*modules, sparse_auto_encoder(408, 2 * SIZE)], folder)
    pooling = {
        "word_embedding_dimension": SIZE,
        "pooling_mode_cls_token": True,
        "pooling_mode_mean_tokens": True,
        "pooling_mode_max_tokens": False,
        "pooling_mode_mean_sqrt_len_tokens": False,
        "pooling_mode_weightedmean_tokens": False,
        "pooling_mode_lasttoken": False,
        "include_prompt": True,
    }
    small_bert.write_json(folder / "1_Pooling/config.json", pooling)
    small_bert.write_json(folder / "sentence_bert_config.json", {"max_seq_length": 24, "do_lower_case": False})
    rename_modules(folder, f"{OLD}.Transformer", f"{OLD}.Pooling", f"{OLD_SPARSE}.SparseAutoEncoder.SparseAutoEncoder")

    def without_limit(config: dict) -> dict:
        del config["max_active_dims"]
        return config

    small_bert.edit_json(folder / "config_sentence_transformers.json", without_limit)


def csr_dense_tanh(folder: Path) -> None:
    modules = [*backbone(409, "mean"), dense(409, 12)]
    small_bert.save([*modules, sparse_auto_encoder(409, 12)], folder)


def csr_dense_identity(folder: Path) -> None:
    modules = [*backbone(410, "mean"), dense(410, 20, bias=False, activation_function=None), Normalize()]
    small_bert.save([*modules, sparse_auto_encoder(410, 20)], folder)


def csr_dense_residual(folder: Path) -> None:
    modules = [*backbone(411, "mean"), dense(411, 12, use_residual=True)]
    small_bert.save([*modules, sparse_auto_encoder(411, 12)], folder)


def csr_normalize(folder: Path) -> None:
    """Normalize as every version before 6 left it: in modules.json, with nothing in its folder."""
    modules = [*backbone(412, "mean"), Normalize()]
    small_bert.save([*modules, sparse_auto_encoder(412, SIZE, normalize=True)], folder)
    shutil.rmtree(folder / "2_Normalize")
    types = [module["type"] for module in json.loads((folder / "modules.json").read_text(encoding="utf-8"))]
    types[2] = f"{OLD}.Normalize"
    rename_modules(folder, *types)


def csr_bin(folder: Path) -> None:
    """Dense and SparseAutoEncoder in pytorch_model.bin, which names the tied weight twice."""
    projection, sparse = dense(415, 12), sparse_auto_encoder(415, 12)
    small_bert.save([*backbone(415, "mean"), projection, sparse], folder)
    for name, module in {"2_Dense": projection, "3_SparseAutoEncoder": sparse}.items():
        (folder / name / "model.safetensors").unlink()
        torch.save(module.state_dict(), folder / name / "pytorch_model.bin")


def exclude_prompt(seed: int, pooling_mode: str | list[str]):
    def write(folder: Path) -> None:
        modules = backbone(seed, pooling_mode, include_prompt=False)
        width = modules[-1].get_embedding_dimension()
        prompts = {"query": "find: ", "document": ""}
        small_bert.save([*modules, sparse_auto_encoder(seed, width)], folder, prompts=prompts)

    return write


def rename_modules(folder: Path, *types: str) -> None:
    small_bert.edit_json(
        folder / "modules.json",
        lambda modules: [module | {"type": name} for module, name in zip(modules, types, strict=True)],
    )
