"""Layouts with a Router: one pipeline for queries, another one for documents."""

import shutil
from pathlib import Path

import torch
from sentence_transformers.base.modules import Router
from sentence_transformers.sparse_encoder.modules import SparseStaticEmbedding, SpladePooling

import small_bert
import static_embeddings
from layout import Layout, call

OLD = "sentence_transformers.sparse_encoder.models"
OLD_ROUTER = "sentence_transformers.models.Router.Router"
STATIC = "query_0_SparseStaticEmbedding"


def all_layouts() -> list[Layout]:
    lengths = [call("encode_query", max_seq_length=8), call("encode_document", max_seq_length=8)]
    tasks = [call("encode", task="query"), call("encode", task="text"), call("encode", task="nonsense")]
    mapped = [call("encode", task="short"), call("encode", task="nonsense")]
    active = [call("encode_query", max_active_dims=3), call("encode_document", max_active_dims=3)]
    prompted = [call("encode_query", prompt="note: "), call("encode", prompt_name="query")]
    return [
        Layout("router-static", router_static, tasks + lengths + active),
        Layout("router-root", router_root),
        Layout("router-asym", router_asym),
        Layout("router-two-models", router_two_models, lengths),
        Layout("router-no-default", router_no_default, [call("encode", task="document")]),
        Layout("router-mappings", router_mappings, [call("encode", task="long"), *mapped]),
        Layout("router-wildcard", router_wildcard, mapped),
        Layout("router-prompts", router_prompts, prompted),
        Layout("router-lexical", router_lexical),
        Layout("router-bf16", router_bf16),
    ]


def static(seed: int, **tokenizer) -> SparseStaticEmbedding:
    # A tokenizer without a limit would leave queries whole, however long.
    options = dict(model_max_length=small_bert.MAX_LENGTH) | tokenizer
    words = small_bert.tokenizer(**options)
    return SparseStaticEmbedding(words, weight=static_embeddings.weights(seed, len(words.get_vocab())))


def router_static(folder: Path) -> None:
    document = small_bert.splade(201, dict(pooling_strategy="max"))
    small_bert.save([Router.for_query_document([static(202)], document)], folder)


def router_root(folder: Path) -> None:
    """As the doc models of opensearch-project: the id `""` is the folder of the repository itself."""
    document = small_bert.splade(203, dict(pooling_strategy="max", activation_function="log1p_relu"))
    # The query side has a limit of its own, below that of the documents.
    query = static(204, model_max_length=20)
    small_bert.save([Router.for_query_document([query], document)], folder)
    types = {
        STATIC: f"{OLD}.SparseStaticEmbedding.SparseStaticEmbedding",
        "": f"{OLD}.MLMTransformer.MLMTransformer",
        "document_1_SpladePooling": f"{OLD}.SpladePooling.SpladePooling",
    }
    structure = {"query": [STATIC], "document": ["", "document_1_SpladePooling"]}
    to_root(folder, "document_0_Transformer", types, structure, old_parameters("document"))
    old_pooling_keys(folder / "document_1_SpladePooling")
    # These repositories hold the same weights twice more, for readers without sentence-transformers.
    table = static_embeddings.by_token(query)
    small_bert.write_json(folder / "idf.json", table)
    static_embeddings.write_token_weights(folder / "query_token_weights.txt", table)


def router_asym(folder: Path) -> None:
    """As sentence-transformers 2 to 4 wrote an Asym: a folder of its own, `config.json`, numbers as ids, `.bin`."""
    plain = folder.with_name(folder.name + "-plain")
    router_modules = [static(206)], small_bert.splade(205, dict(pooling_strategy="sum"))
    small_bert.save([Router.for_query_document(*router_modules)], plain)
    asym = folder / "0_Asym"
    ids = {
        STATIC: "139872340115664_SparseStaticEmbedding",
        "document_0_Transformer": "139872340117008_MLMTransformer",
        "document_1_SpladePooling": "139872340118352_SpladePooling",
    }
    for old, new in ids.items():
        shutil.move(plain / old, asym / new)
    shutil.move(plain / "config_sentence_transformers.json", folder)
    shutil.rmtree(plain)
    query, *document = ids.values()
    config = {
        "types": {name: f"{OLD}.{name.split('_')[1]}" for name in ids.values()},
        "structure": {"query": [query], "document": document},
        "parameters": {"allow_empty_key": True},
    }
    small_bert.write_json(asym / "config.json", config)
    old_transformer(asym / ids["document_0_Transformer"])
    old_pooling_keys(asym / ids["document_1_SpladePooling"])
    weights = static(206).weight.detach()
    (asym / query / "model.safetensors").unlink()
    torch.save({"weight": weights}, asym / query / "pytorch_model.bin")
    one_module(folder, "0_Asym", "sentence_transformers.models.Asym.Asym")


def router_two_models(folder: Path) -> None:
    """As naver/efficient-splade: a smaller model for queries. It also takes fewer tokens."""
    query_model = small_bert.masked_lm(208, hidden_size=8, max_position_embeddings=16, bias_shift=-1.8)
    query = [small_bert.transformer(query_model, "fill-mask"), SpladePooling("max")]
    document = small_bert.splade(207, dict(pooling_strategy="max"))
    small_bert.save([Router.for_query_document(query, document)], folder)
    shutil.move(folder / "query_0_Transformer", folder / "query_0_MLMTransformer")
    mlm, pooling = f"{OLD}.MLMTransformer.MLMTransformer", f"{OLD}.SpladePooling.SpladePooling"
    types = {
        "query_0_MLMTransformer": mlm,
        "query_1_SpladePooling": pooling,
        "": mlm,
        "document_1_SpladePooling": pooling,
    }
    structure = {
        "query": ["query_0_MLMTransformer", "query_1_SpladePooling"],
        "document": ["", "document_1_SpladePooling"],
    }
    to_root(folder, "document_0_Transformer", types, structure, old_parameters("document"))
    old_transformer(folder / "query_0_MLMTransformer", max_seq_length=16)
    for name in ("query_1_SpladePooling", "document_1_SpladePooling"):
        old_pooling_keys(folder / name)


def router_no_default(folder: Path) -> None:
    document = small_bert.splade(209)
    router = Router.for_query_document([static(210)], document, default_route=None, allow_empty_key=False)
    small_bert.save([router], folder)


def router_mappings(folder: Path) -> None:
    routes = {"short": [static(212)], "long": small_bert.splade(211)}
    mappings = {("query", None): "short", ("document", "text"): "long"}
    small_bert.save([Router(routes, route_mappings=mappings)], folder)


def router_wildcard(folder: Path) -> None:
    routes = {"short": [static(214)], "long": small_bert.splade(213)}
    mappings = {("query", None): "short", (None, "text"): "long"}
    small_bert.save([Router(routes, default_route="short", route_mappings=mappings)], folder)


def router_prompts(folder: Path) -> None:
    """Both routes name the same SpladePooling."""
    transformer, pooling = small_bert.splade(215)
    query = small_bert.transformer(small_bert.masked_lm(216), "fill-mask")
    router = Router.for_query_document([query, pooling], [transformer, pooling])
    small_bert.save([router], folder, prompts={"query": "find: ", "document": "text: "}, similarity_fn_name="cosine")


def router_lexical(folder: Path) -> None:
    """As naver/splade-v3-lexical: no expansion of queries. One transformer serves both routes."""
    transformer, pooling = small_bert.splade(217, dict(pooling_strategy="max"), bias_shift=-1.0)
    query = [transformer, SpladePooling("max"), static(218)]
    small_bert.save([Router.for_query_document(query, [transformer, pooling])], folder)
    mlm, pooling = f"{OLD}.MLMTransformer.MLMTransformer", f"{OLD}.SpladePooling.SpladePooling"
    types = {
        "": mlm,
        "query_1_SpladePooling": pooling,
        "query_2_SparseStaticEmbedding": f"{OLD}.SparseStaticEmbedding.SparseStaticEmbedding",
        "document_1_SpladePooling": pooling,
    }
    structure = {
        "query": ["", "query_1_SpladePooling", "query_2_SparseStaticEmbedding"],
        "document": ["", "document_1_SpladePooling"],
    }
    to_root(folder, "query_0_Transformer", types, structure, old_parameters("document"))
    for name in ("query_1_SpladePooling", "document_1_SpladePooling"):
        old_pooling_keys(folder / name)


def router_bf16(folder: Path) -> None:
    """The document model is stored in bf16, the query weights in f32."""
    transformer, pooling = small_bert.splade(219)
    transformer.model.to(torch.bfloat16)
    small_bert.save([Router.for_query_document([static(220)], [transformer, pooling])], folder)


def old_parameters(default_route: str) -> dict:
    return {"default_route": default_route, "allow_empty_key": True}


def to_root(folder: Path, module: str, types: dict, structure: dict, parameters: dict) -> None:
    for path in sorted((folder / module).iterdir()):
        shutil.move(path, folder / path.name)
    (folder / module).rmdir()
    old_transformer(folder)
    config = {"types": types, "structure": structure, "parameters": parameters}
    small_bert.write_json(folder / "router_config.json", config)
    one_module(folder, "", OLD_ROUTER)


def one_module(folder: Path, path: str, name: str) -> None:
    small_bert.write_json(folder / "modules.json", [{"idx": 0, "name": "0", "path": path, "type": name}])


def old_transformer(folder: Path, max_seq_length: int = small_bert.MAX_LENGTH) -> None:
    config = dict(max_seq_length=max_seq_length, do_lower_case=False)
    small_bert.write_json(folder / "sentence_bert_config.json", config)


def old_pooling_keys(folder: Path) -> None:
    def change(config: dict) -> dict:
        dimension = config.pop("embedding_dimension")
        return config | {"word_embedding_dimension": dimension}

    small_bert.edit_json(folder / "config.json", change)
