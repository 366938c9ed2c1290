"""The keys of a checkpoint's files, one case each: what is changed, and whether we refuse it.

A case without `refused` has the reference's rows. One with it says what the refusal must name.
"""

import json

TRANSFORMER = "sentence_bert_config.json"
SETTINGS = "config_sentence_transformers.json"
MODULES = "modules.json"
ROUTER = "router_config.json"
CONFIG = "config.json"
TOKENIZER = "tokenizer_config.json"
SPARSE = "sentence_transformers.sparse_encoder.modules"
POOLING = "1_SpladePooling/config.json"
STATIC = "query_0_SparseStaticEmbedding/config.json"

SPLADE = "layouts/st-max"
PLAIN = "layouts/plain"
ROUTED = "layouts/router-static"
CSR = "layouts/csr-dense-tanh"

FORWARD = {"method": "forward", "method_output_name": "logits"}
TEMPLATE = "{% for m in messages %}a {{ m['content'] }}{% endfor %}"


def all_cases() -> list[dict]:
    parts = [processing, keywords, transformer, settings, pooling, modules, router, modules_of_csr, config, files]
    return [case for part in parts for case in part()]


def case(checkpoint: str, file: str, refused: str | None = None, **keys) -> dict:
    shown = ", ".join(f"{key} {json.dumps(value)}" for key, value in keys.items())
    return named(f"{file}: {shown}", checkpoint, refused, set={file: keys})


def named(name: str, checkpoint: str, refused: str | None = None, **edits) -> dict:
    """`refused` has what the message must name: words between blanks."""
    return {"name": name, "checkpoint": checkpoint} | edits | ({"refused": refused.split()} if refused else {})


def processing() -> list[dict]:
    def text(refused: str | None = None, checkpoint: str = SPLADE, **arguments) -> dict:
        return case(checkpoint, TRANSFORMER, refused, processing_kwargs={"text": arguments})

    key = "processing_kwargs"
    cases = [
        text(max_length=7),
        text(max_length=None),
        # More than the model has positions: the reference fails on a longer text, we cut it.
        text(max_length=100) | {"asked": {}},
        text(add_special_tokens=False),
        text(add_special_tokens=False, max_length=7),
        text(padding="max_length"),
        text(padding=False),
        text(pad_to_multiple_of=8),
        text(truncation=True),
        text(truncation="only_first", max_length=7),
        text(logits_to_keep=3),
        text(checkpoint="layouts/task-lengths", max_length=7),
        text(checkpoint="layouts/task-lengths", max_length=None),
        text(checkpoint="layouts/csr-mean", max_length=7),
        text(checkpoint="layouts/csr-mean", add_special_tokens=False),
        text(checkpoint="architectures/csr-roberta", add_special_tokens=False, max_length=9),
        case(SPLADE, TRANSFORMER, processing_kwargs={"common": {"max_length": 7}, "text": {"max_length": 5}}),
        case(SPLADE, TRANSFORMER, processing_kwargs={"common": {"add_special_tokens": False}, "text": None}),
        case(SPLADE, TRANSFORMER, processing_kwargs=None),
        case(ROUTED, f"document_0_Transformer/{TRANSFORMER}", processing_kwargs={"text": {"max_length": 7}}),
    ]
    refused = [
        dict(truncation_side="left"),
        dict(truncation_side="left", max_length=7),
        dict(truncation=False),
        dict(truncation="do_not_truncate", max_length=7),
        dict(truncation="only_second", max_length=7),
        dict(padding_side="left", padding="max_length"),
        dict(stride=2, max_length=7),
        dict(is_split_into_words=True),
        dict(return_token_type_ids=False),
        dict(return_attention_mask=False),
        dict(return_overflowing_tokens=True, max_length=7),
        dict(return_length=True),
        dict(return_offsets_mapping=True),
        dict(return_special_tokens_mask=True),
        dict(split_special_tokens=True),
        dict(return_tensors="np"),
        dict(text_pair="x"),
        dict(max_length="7"),
        dict(max_length=1),
        dict(nonsense=3),
    ]
    cases += [text(f"{TRANSFORMER} {next(iter(arguments))}", **arguments) for arguments in refused[:-2]]
    cases += [
        text("max_seq_length", max_length=1),
        text(f"{TRANSFORMER} {key}.text.nonsense", nonsense=3),
        text(f"{TRANSFORMER} {key}.text.padding", "layouts/csr-exclude-prompt", padding="max_length"),
        case(SPLADE, TRANSFORMER, f"{TRANSFORMER} {key}.nonsense", processing_kwargs={"nonsense": {"max_length": 7}}),
        case(SPLADE, TRANSFORMER, f"{TRANSFORMER} max_length", processing_kwargs={"max_length": {"a": 7}}),
        case(SPLADE, TRANSFORMER, f"{TRANSFORMER} {key}.audio", processing_kwargs={"audio": {"padding": True}}),
        case(SPLADE, TRANSFORMER, f"{key}.chat_template", processing_kwargs={"chat_template": {"tools": []}}),
    ]
    return cases


def keywords() -> list[dict]:
    def of(group: str, refused: str | None = None, checkpoint: str = SPLADE, **arguments) -> dict:
        return case(checkpoint, TRANSFORMER, refused, **{group: arguments})

    cases = [
        of("processor_kwargs", model_max_length=7),
        of("tokenizer_args", model_max_length=7),
        of("processor_kwargs", model_max_length=100) | {"asked": {}},
        of("processor_kwargs", model_max_length=7, truncation_side="left"),
        of("processor_kwargs", padding_side="right", use_fast=False, trust_remote_code=True),
        case(SPLADE, TRANSFORMER, processor_kwargs={"model_max_length": 7}, max_seq_length=5),
        of("model_kwargs", attn_implementation="eager"),
        of("model_args", torch_dtype="float32", low_cpu_mem_usage=True, use_safetensors=True),
        of("model_kwargs", checkpoint="layouts/csr-mean", add_pooling_layer=False),
        of("config_kwargs", use_cache=True),
        of("config_args", trust_remote_code=True, output_hidden_states=True),
    ]
    refused = [
        ("processor_kwargs", dict(model_max_length=None)),
        ("processor_kwargs", dict(padding_side="left")),
        ("processor_kwargs", dict(do_lower_case=False)),
        ("processor_kwargs", dict(strip_accents=False)),
        ("processor_kwargs", dict(cls_token="[MASK]")),
        ("processor_kwargs", dict(additional_special_tokens=["the"])),
        ("processor_kwargs", dict(split_special_tokens=True)),
        ("processor_kwargs", dict(tokenizer_type="roberta")),
        ("processor_kwargs", dict(nonsense=1)),
        ("model_kwargs", dict(torch_dtype="bfloat16")),
        ("model_kwargs", dict(add_pooling_layer=False)),
        ("model_kwargs", dict(variant="fp16")),
        ("model_kwargs", dict(key_mapping={"a": "b"})),
        ("model_kwargs", dict(nonsense=1)),
        ("config_kwargs", dict(layer_norm_eps=0.01)),
        ("config_kwargs", dict(hidden_act="relu")),
        ("config_kwargs", dict(is_decoder=True)),
        ("config_kwargs", dict(nonsense=1)),
    ]
    cases += [
        of(group, f"{TRANSFORMER} {group}.{next(iter(arguments))}", **arguments) for group, arguments in refused
    ]
    cases += [of(group, f"{TRANSFORMER} {group}", model_max_length=7) for group in ("processor_args", "tokenizer_kwargs")]
    both = dict(processor_kwargs={"model_max_length": 7}, tokenizer_args={"model_max_length": 5})
    return cases + [case(SPLADE, TRANSFORMER, f"{TRANSFORMER} processor_kwargs", **both)]


def transformer() -> list[dict]:
    def key(refused: str | None = None, **keys) -> dict:
        return case(SPLADE, TRANSFORMER, refused and f"{TRANSFORMER} {refused}", **keys)

    def modality(refused: str | None = None, **modalities) -> dict:
        return key(refused, modality_config=modalities)

    told = {"max_seq_length": 7, "transformer_task": "fill-mask"}
    old = {"max_seq_length": 7, "do_lower_case": False}
    return [
        key(max_seq_length=7),
        key(max_seq_length=None, do_lower_case=None, query_expansion=None, tokenizer_name_or_path=None),
        key(query_length=7),
        key(document_length=7, unpad_inputs=False),
        key(unpad_inputs=True, cache_dir="x"),
        modality(text=FORWARD | {"method_output_name": ["logits"]}),
        key("nonsense", nonsense=1),
        key("query_expansion", query_expansion={"strategy": "fixed", "length": 8}),
        key("tokenizer_name_or_path", tokenizer_name_or_path="elsewhere"),
        key("backend", backend="onnx"),
        key("model_name_or_path", model_name_or_path="x"),
        key("module_output_name", module_output_name="sentence_embedding"),
        key("module_output_name", module_output_name=None),
        key("transformer_task", transformer_task="text-generation"),
        modality("modality_config.message", text=FORWARD, message=FORWARD | {"format": "flat"}),
        modality("modality_config.text", image=FORWARD),
        modality("modality_config.nonsense", text=FORWARD, nonsense=FORWARD),
        modality("modality_config.text.method_output_name", text=FORWARD | {"method_output_name": ["hidden_states", -1]}),
        modality("modality_config.text.method", text=FORWARD | {"method": "bert"}),
        modality("nonsense", text=FORWARD | {"nonsense": 1}),
        named("no modality", SPLADE, unset={TRANSFORMER: ["modality_config", "module_output_name"]}),
        named("no task", SPLADE, "transformer_task absent", unset={TRANSFORMER: ["transformer_task"]}),
        named(f"no {TRANSFORMER}", SPLADE, "transformer_task absent", delete=[TRANSFORMER]),
        named(f"no {TRANSFORMER} of an MLMTransformer", "layouts/legacy-classes", delete=[TRANSFORMER]),
        named(f"no {TRANSFORMER} of an encoder", "layouts/csr-mean", delete=[TRANSFORMER]),
        of_name("sentence_roberta_config.json", SPLADE, told),
        of_name("sentence_xlnet_config.json", "layouts/legacy-classes", old),
        of_name("sentence_distilbert_config.json", SPLADE, told | {"nonsense": 1}, "sentence_distilbert_config.json nonsense"),
        named(f"{TRANSFORMER} beside a plain checkpoint", PLAIN, write={TRANSFORMER: json.dumps({"max_seq_length": 7, "nonsense": 1})}),
    ]


def of_name(name: str, checkpoint: str, fields: dict, refused: str | None = None) -> dict:
    return named(name, checkpoint, refused, delete=[TRANSFORMER], write={name: json.dumps(fields)})


def settings() -> list[dict]:
    def key(refused: str | None = None, **keys) -> dict:
        return case(SPLADE, SETTINGS, refused and f"{SETTINGS} {refused}", **keys)

    beside = {"prompts": {"note": "note: "}, "default_prompt_name": "note", "max_active_dims": 3, "nonsense": 1}
    return [
        key(prompts={"query": "find: ", "note": None}),
        key(default_prompt_name="query", prompts={"query": "find: "}),
        key(max_active_dims=9),
        key(requirements=None),
        key(requirements={"transformers": ">=5.0,<6", "sentence-transformers": "~=6.2"}),
        key(__version__={"sentence_transformers": "9.0"}),
        key("nonsense", nonsense=1),
        key("truncate_dim", truncate_dim=8),
        key("requirements.transformers", requirements={"transformers": ">=6"}),
        key("requirements.sentence-transformers", requirements={"sentence-transformers": {"specifier": "<6", "reason": "x"}}),
        key("requirements.transformers", requirements={"transformers": "nonsense"}),
        key("requirements", requirements="x"),
        key("model_type", model_type="MultiVectorEncoder"),
        key("model_type", model_type="CrossEncoder"),
        key("model_type", model_type="nonsense"),
        key("similarity_fn_name", similarity_fn_name="maxsim"),
        key("max_active_dims", max_active_dims=0) | {"refused": [SETTINGS]},
        key("max_active_dims", max_active_dims=True) | {"refused": [SETTINGS]},
        case(SPLADE, SETTINGS, "nonsense", default_prompt_name="nonsense"),
        named(f"{SETTINGS} beside a plain checkpoint", PLAIN, write={SETTINGS: json.dumps(beside)}),
    ]


def pooling() -> list[dict]:
    def key(refused: str | None = None, **keys) -> dict:
        return case(SPLADE, POOLING, refused and f"{POOLING} {refused}", **keys)

    return [
        key(pooling_strategy="sum", chunk_size=3),
        key(activation_function="log1p_relu", chunk_size=None),
        key(embedding_dimension=None, chunk_size=-1),
        key(word_embedding_dimension=264),
        named(f"no {POOLING}", SPLADE, delete=[POOLING]),
        key("nonsense", nonsense=1),
        key("null", pooling_strategy=None) | {"refused": [POOLING]},
        key("null", activation_function=None) | {"refused": [POOLING]},
        key("embedding_dimension", embedding_dimension=5),
        case(ROUTED, STATIC, frozen=True, path=None),
        case(ROUTED, STATIC, f"{STATIC} nonsense", nonsense=1),
        case(ROUTED, STATIC, f"{STATIC} weight", weight=None),
    ]


def modules() -> list[dict]:
    first = {"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.base.modules.transformer.Transformer"}
    pooling = f"{SPARSE}.splade_pooling.SpladePooling"
    second = {"idx": 1, "name": "1", "path": "1_SpladePooling", "type": pooling}

    def of(name: str, refused: str | None = None, of_first: dict | None = None, of_second: dict | None = None) -> dict:
        entries = [first | (of_first or {}), second | (of_second or {})]
        return named(f"{MODULES}: {name}", SPLADE, refused and f"{MODULES} {refused}", write={MODULES: json.dumps(entries)})

    return [
        of("no arguments", of_first={"kwargs": []}),
        of("other numbers", of_first={"idx": 1}, of_second={"idx": 0}),
        of("other names", of_first={"name": "transformer"}),
        of("an argument of the transformer", "kwargs task", of_first={"kwargs": ["task"]}),
        of("an argument of the pooling", "kwargs task", of_second={"kwargs": ["task"]}),
        of("arguments that are no list", "invalid", of_second={"kwargs": {"a": 1}}),
        of("the same name twice", "name twice", of_second={"name": "0"}),
        of("an unknown key", "nonsense", of_first={"nonsense": 1}),
    ]


def router() -> list[dict]:
    # Written out: the order of the routes counts.
    routes = {
        "query": {"query_0_SparseStaticEmbedding": f"{SPARSE}.sparse_static_embedding.SparseStaticEmbedding"},
        "document": {
            "document_0_Transformer": "sentence_transformers.base.modules.transformer.Transformer",
            "document_1_SpladePooling": f"{SPARSE}.splade_pooling.SpladePooling",
        },
    }
    described = {
        "types": routes["query"] | routes["document"],
        "structure": {route: list(modules) for route, modules in routes.items()},
    }

    def parameters(refused: str | None = None, **changed) -> dict:
        given = {"default_route": "document", "allow_empty_key": True, "route_mappings": {}} | changed
        content = json.dumps(described | {"parameters": given})
        name = f"{ROUTER}: {json.dumps(changed)}"
        return named(name, ROUTED, refused and f"{ROUTER} {refused}", write={ROUTER: content})

    def mapping(key: str, refused: str | None = None) -> dict:
        return parameters(refused, route_mappings={key: "document"})

    return [
        parameters(default_route=None),
        parameters(default_route=None, allow_empty_key=None) | {"refused": ["task"]},
        parameters(route_mappings=None),
        mapping("('query', None)"),
        mapping('("query", None)'),
        mapping("('query','text')"),
        mapping("( 'query' , 'text' )"),
        mapping("'query', None"),
        mapping("(None, None)"),
        mapping("('query', ('image', 'text'))"),
        mapping("nonsense", "route_mappings nonsense"),
        mapping("('query',)", "route_mappings"),
        mapping("['query', None]", "route_mappings"),
        mapping("('qu\\x65ry', None)", "route_mappings"),
        parameters("nonsense", nonsense=1),
        case(ROUTED, ROUTER, f"{ROUTER} nonsense", nonsense=1),
    ]


def modules_of_csr() -> list[dict]:
    dense, encoder, pooled = "2_Dense/config.json", "3_SparseAutoEncoder/config.json", "1_Pooling/config.json"
    cases = [case(CSR, file, f"{file} nonsense", nonsense=1) for file in (dense, encoder, pooled)]
    return cases + [
        case(CSR, encoder, k_aux=3, dead_threshold=None),
        case(CSR, pooled, pooling_mode="max"),
        case(CSR, pooled, pooling_mode_cls_token=True),
        case(CSR, dense, activation_function="torch.nn.modules.activation.ReLU"),
        case(CSR, dense, f"{dense} module_output_name", module_output_name="x"),
        case(CSR, dense, f"{dense} init_weight", init_weight=None),
        case(CSR, encoder, f"{encoder} null", normalize=None) | {"refused": [encoder]},
    ]


def config() -> list[dict]:
    bert, distil, modern = "random/bert-gelu", "architectures/distilbert-gelu", "architectures/modernbert-local"
    gte, roberta, deberta = "architectures/gte-plain", "architectures/roberta-gelu", "architectures/deberta-v2-buckets"

    def key(checkpoint: str, refused: str | None = None, **keys) -> dict:
        return case(checkpoint, CONFIG, refused and f"{CONFIG} {refused}", **keys)

    refused = [
        dict(is_decoder=True),
        dict(is_causal=True),
        dict(add_cross_attention=True),
        dict(pruned_heads={"0": [1]}),
        dict(quantization_config={"quant_method": "bitsandbytes", "load_in_8bit": True}),
        dict(per_layer_config={"0": {"hidden_act": "relu"}}),
        dict(transformers_weights="x.safetensors"),
        dict(fusion_config={"a": True}),
        dict(attribute_map={"hidden_size": "x"}),
        dict(processor_class="CLIPProcessor"),
        dict(position_embedding_type="relative_key"),
    ]
    cases = [key(bert, next(iter(keys)), **keys) for keys in refused]
    cases += [
        # The reference takes one token at a time: the text's length must be a multiple.
        key(bert, chunk_size_feed_forward=1),
        key("architectures/albert-shared", chunk_size_feed_forward=1),
        key(bert, is_causal=False, is_encoder_decoder=True, tie_encoder_decoder=True),
        key(bert, is_causal=None, per_layer_config={}, pruned_heads={}),
        key(bert, output_hidden_states=True, return_dict=False, output_attentions=True),
        key(bert, torch_dtype="float16", auto_map={"AutoModelForMaskedLM": "x.Y"}),
        key(bert, attn_implementation="eager", use_cache=True, gradient_checkpointing=True),
        key(bert, pad_token_id=5, bos_token_id=300, hidden_dropout_prob=0.9, num_labels=3),
        key(bert, nonsense=1, head_dim=4, sliding_window=2, rope_theta=10.0),
        key(bert, hidden_act="relu"),
        key(bert, layer_norm_eps=0.1),
        key(bert, num_attention_heads=2),
        key(bert, num_hidden_layers=1) | {"refused": ["encoder.layer.1"]},
        key(distil, num_attention_heads=2),
        key(distil, num_attention_heads=2, n_heads=4),
        key(distil, num_hidden_layers=1) | {"refused": ["layer.1"]},
        key(distil, hidden_size=24) | {"refused": ["shape"]},
        key(distil, layer_norm_eps=0.1, hidden_act="relu", type_vocab_size=3),
        key(distil, "is_causal", is_causal=True),
        key(modern, sliding_window=1),
        key(modern, local_attention=3),
        key(modern, head_dim=8),
        key(modern, head_dim=None),
        key(modern, "head_dim", head_dim=4),
        key(modern, "is_causal", is_causal=True),
        key(modern, layer_types=["full_attention"] * 3),
        key(modern, rope_theta=10.0, partial_rotary_factor=0.5, hidden_act="relu", layer_norm_eps=0.1),
        key(modern, sparse_prediction=True, classifier_pooling="mean", reference_compile=True),
        key(modern, "rope_scaling", rope_scaling={"rope_type": "linear", "factor": 2.0}),
        key(modern, "rope_theta", rope_parameters={"rope_type": "default", "rope_theta": 10.0}),
        key("architectures/modernbert-old-keys", rope_parameters={"full_attention": {"rope_theta": 10.0}}),
        key(gte, rope_parameters=None, rope_theta=10.0),
        key(gte, rope_theta=10.0, chunk_size_feed_forward=2),
        key(gte, "head_dim", head_dim=4),
        key(gte, "is_causal", is_causal=True),
        key(gte, "rope_scaling", rope_scaling={"rope_type": "linear", "factor": 2.0}),
        key(roberta, "is_causal", is_causal=True),
        key(roberta, pad_token_id=0),
        key(deberta, max_relative_positions=3),
        # Weights that the reference would pass over are refused.
        key(deberta, norm_rel_ebd="none") | {"refused": ["deberta.encoder.LayerNorm"]},
        key(deberta, pooler_hidden_size=3, z_steps=2),
    ]
    # The weights decide what a checkpoint is. The reference goes by the name where there is no modules.json.
    head = dict(asked={})
    for classes in (["BertForPreTraining"], ["BertModel"], ["MySplade"], [], None):
        cases += [key(SPLADE, architectures=classes), key(PLAIN, architectures=classes) | head]
    return cases + [named("architectures absent", PLAIN, unset={CONFIG: ["architectures"]}) | head]


def files() -> list[dict]:
    adapter = json.dumps({"peft_type": "LORA", "base_model_name_or_path": "x"})
    processor = json.dumps({"processor_class": "CLIPProcessor"})
    cases = [
        named("generation_config.json", PLAIN, write={"generation_config.json": json.dumps({"max_length": 3})}),
        named("chat_template.jinja", SPLADE, write={"chat_template.jinja": TEMPLATE}),
        named("chat_template.jinja", PLAIN, "chat_template.jinja", write={"chat_template.jinja": TEMPLATE}),
        named("no processor", SPLADE, write={"preprocessor_config.json": "{}", "processor_config.json": "{}"}),
        case(SPLADE, TOKENIZER, chat_template=TEMPLATE),
        case(PLAIN, TOKENIZER, f"{TOKENIZER} chat_template", chat_template=TEMPLATE),
        case(SPLADE, TOKENIZER, f"{TOKENIZER} processor_class", processor_class="CLIPProcessor"),
    ]
    cases += [
        named("adapter_config.json", checkpoint, "adapter_config.json merge", write={"adapter_config.json": adapter})
        for checkpoint in (PLAIN, SPLADE)
    ]
    return cases + [
        named(file, SPLADE, f"{file} processor_class", write={file: processor})
        for file in ("processor_config.json", "preprocessor_config.json")
    ]
