"""Times what a user would pick instead of splade, on the same texts and the same model folder.

    python benches/rivals.py worker --engine NAME --model FOLDER --texts FILE.jsonl --threads N --batch N
                                    [--limit N] [--cache FOLDER]
    python benches/rivals.py compare A.npz B.npz

Engines: st-f32 st-bf16 (sentence-transformers), ort-f32 ort-int8 (ONNX Runtime), ov-f32 ov-bf16 ov-int8 (OpenVINO),
fastembed-f32. FILE.jsonl has a "text" in each line; texts are cut at 512 tokens, or at the model's limit if lower.
Exported and quantised models are made in a subprocess, before anything is measured, and kept in the cache folder.

A worker speaks JSON, one object per line of standard output; everything libraries print goes to standard error.
Once loaded it says
    {"event": "ready", "engine", "versions", "n_texts", "n_tokens", "load_s", "first_vector_s"}
where n_tokens counts special tokens and no padding, load_s leaves imports out, and first_vector_s is load_s plus the
first encoding. Then it answers the commands on standard input, one per line:
    round            {"event": "round", "seconds"}       encodes all texts once, from strings to sparse vectors
    query N          {"event": "query", "median_ms"}     median of N encodings of one short text
    vectors FILE.npz {"event": "vectors", "nnz"}         encodes all texts, saves them as a scipy CSR matrix
    quit             {"event": "done", "peak_mb"}        largest resident set of this process, in MiB
Any failure is {"event": "error", "message"} and exit code 1.
`compare` prints {"event": "compare", "rows", "max_abs", "mean_cosine", "min_cosine", "mean_jaccard", "nnz_a", "nnz_b"}.

benches/rivals-requirements.txt pins the packages.
"""
import argparse
import hashlib
import importlib.metadata
import json
import os
import pathlib
import platform
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

FIRST_TEXT = 'what is a learned sparse vector'
QUERY_TEXT = 'how do learned sparse vectors find documents'
MAX_TOKENS = 512
N_CALIBRATION_TEXTS = 64
N_WARM_UPS = 10

PACKAGES = {
    'st': ['sentence-transformers', 'transformers', 'tokenizers', 'torch', 'numpy'],
    'ort': ['onnxruntime', 'onnx', 'torch', 'tokenizers', 'numpy'],
    'ov': ['openvino', 'onnx', 'torch', 'tokenizers', 'numpy'],
    'fastembed': ['onnxruntime', 'onnx', 'torch', 'tokenizers', 'numpy'],
}
ENGINES = ['st-f32', 'st-f16', 'st-bf16', 'ort-f32', 'ort-int8', 'ov-f32', 'ov-bf16', 'ov-int8', 'fastembed-f32']

# fastembed pins huggingface-hub below 2, which transformers 5 does not accept, and it downloads its own model.
# FastEmbed below therefore follows the source of this version.
FASTEMBED_VERSION = '0.9.1'


# --- The engines. `encode` is what is timed; `to_csr` turns its result into a matrix in the texts' order.

class SentenceTransformers:
    def __init__(self, args):
        import torch
        from sentence_transformers import SparseEncoder

        torch.set_num_threads(args.threads)
        import_architecture(args.model)
        start = time.perf_counter()
        dtype = {'f32': torch.float32, 'f16': torch.float16, 'bf16': torch.bfloat16}[args.precision]
        self.encoder = SparseEncoder(str(args.model), device=args.device, model_kwargs={'dtype': dtype})
        self.encoder.max_seq_length = max_length(self.encoder)
        self.load_s = time.perf_counter() - start
        self.batch = args.batch

    def encode(self, texts):
        return self.encoder.encode(texts, batch_size=self.batch, show_progress_bar=False)

    def to_csr(self, vectors):
        import scipy.sparse
        vectors = vectors.coalesce()
        weights = vectors.values().float().cpu().numpy()
        return scipy.sparse.csr_matrix((weights, vectors.indices().cpu().numpy()), shape=tuple(vectors.shape))

    def count_tokens(self, texts):
        input_ids = self.encoder.tokenizer(texts, truncation=True, max_length=self.encoder.max_seq_length)['input_ids']
        return sum(len(ids) for ids in input_ids)


class GraphEngine:
    """An ONNX graph that pools by itself, fed in batches of similar length, as sentence-transformers does it.

    A subclass sets `run` (inputs by name -> scores [batch, vocab]) and `input_names`.
    """

    def open_tokenizer(self, args):
        from tokenizers import Tokenizer
        self.tokenizer = Tokenizer.from_file(str(args.artefact / 'tokenizer.json'))
        self.batch = args.batch

    def inputs(self, texts):
        import numpy as np
        encodings = self.tokenizer.encode_batch(texts)
        columns = {
            'input_ids': lambda encoding: encoding.ids,
            'attention_mask': lambda encoding: encoding.attention_mask,
            'token_type_ids': lambda encoding: encoding.type_ids,
        }
        return {name: np.array([columns[name](e) for e in encodings], dtype=np.int64) for name in self.input_names}

    def encode(self, texts):
        """Returns (rows, cols, values) of each batch; rows are positions in `texts`."""
        import numpy as np
        order = np.argsort([-len(text) for text in texts], kind='stable')
        batches = []
        for start in range(0, len(order), self.batch):
            members = order[start:start + self.batch]
            scores = self.run(self.inputs([texts[i] for i in members]))
            # Weights are never negative. This way is many times faster than np.nonzero(scores).
            active = np.flatnonzero(scores > 0)
            rows, cols = np.divmod(active, scores.shape[1])
            batches.append((members[rows], cols, scores.ravel()[active]))
            self.vocab_size = scores.shape[1]
        return batches

    def to_csr(self, batches):
        import numpy as np
        import scipy.sparse
        rows, cols, values = (np.concatenate(part) for part in zip(*batches))
        return scipy.sparse.csr_matrix((values, (rows, cols)), shape=(self.n_texts, self.vocab_size))

    def count_tokens(self, texts):
        self.n_texts = len(texts)
        return sum(sum(encoding.attention_mask) for encoding in self.tokenizer.encode_batch(texts))


class OnnxRuntime(GraphEngine):
    def __init__(self, args):
        import numpy
        import onnxruntime
        import tokenizers

        start = time.perf_counter()
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = args.threads
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
        path = str(args.artefact / 'model.onnx')
        self.session = onnxruntime.InferenceSession(path, options, providers=['CPUExecutionProvider'])
        self.input_names = [node.name for node in self.session.get_inputs()]
        self.open_tokenizer(args)
        self.load_s = time.perf_counter() - start

    def run(self, inputs):
        return self.session.run(None, inputs)[0]


class OpenVino(GraphEngine):
    def __init__(self, args):
        import numpy
        import openvino
        import tokenizers

        core = openvino.Core()
        has_bf16 = 'BF16' in core.get_property('CPU', 'OPTIMIZATION_CAPABILITIES')
        if args.precision == 'bf16' and not has_bf16:
            raise RuntimeError('this CPU has no bf16')
        hint = 'f32' if args.precision == 'f32' or not has_bf16 else 'bf16'
        config = {'INFERENCE_NUM_THREADS': args.threads, 'INFERENCE_PRECISION_HINT': hint, 'PERFORMANCE_HINT': 'LATENCY'}

        start = time.perf_counter()
        path = args.artefact / ('model.xml' if args.precision == 'int8' else 'model.onnx')
        self.model = core.compile_model(core.read_model(path), 'CPU', config)
        self.input_names = [node.get_any_name() for node in self.model.inputs]
        self.open_tokenizer(args)
        self.load_s = time.perf_counter() - start

    def run(self, inputs):
        return self.model(inputs)[0]


class FastEmbed(OnnxRuntime):
    """What `SpladePP.embed` of fastembed does: texts in the order given, logits out of the graph, the rest in numpy."""

    def encode(self, texts):
        """Returns (indices, values) of each text."""
        import numpy as np
        vectors = []
        for start in range(0, len(texts), self.batch):
            inputs = self.inputs(texts[start:start + self.batch])
            relu_log = np.log1p(np.maximum(self.run(inputs), 0))
            weighted_log = relu_log * np.expand_dims(inputs['attention_mask'], axis=-1)
            for row_scores in np.max(weighted_log, axis=1):
                indices = row_scores.nonzero()[0]
                vectors.append((indices, row_scores[indices]))
            self.vocab_size = len(row_scores)
        return vectors

    def to_csr(self, vectors):
        import numpy as np
        import scipy.sparse
        indices, values = (np.concatenate(part) for part in zip(*vectors))
        indptr = np.cumsum([0] + [len(indices) for indices, _ in vectors])
        return scipy.sparse.csr_matrix((values.astype(np.float32), indices, indptr), shape=(len(vectors), self.vocab_size))


ENGINE_CLASSES = {'st': SentenceTransformers, 'ort': OnnxRuntime, 'ov': OpenVino, 'fastembed': FastEmbed}


def import_architecture(model):
    """Imports the model's class, which transformers would otherwise do while it loads the weights."""
    import transformers
    if (model / 'config.json').exists():
        transformers.MODEL_FOR_MASKED_LM_MAPPING.get(type(transformers.AutoConfig.from_pretrained(str(model))), None)


def max_length(encoder):
    return min(MAX_TOKENS, encoder.max_seq_length or MAX_TOKENS)


# --- Exported and quantised models, each a folder of the cache that holds the graph and its tokenizer.

def artefact_folder(args, kind):
    """The cache folder of one graph: named by the model, its weights file and the packages that make it."""
    weights = sorted(path for ending in ('safetensors', 'bin') for path in args.model.rglob(f'*.{ending}'))
    if not weights:
        raise RuntimeError('the model folder holds no weights (*.safetensors, *.bin)')
    key = [(path.name, path.stat().st_size, path.stat().st_mtime_ns) for path in weights]
    makers = ['torch', 'transformers', 'onnx'] + {'ort-int8': ['onnxruntime'], 'ov-int8': ['openvino', 'nncf']}.get(kind, [])
    key += [importlib.metadata.version(package) for package in makers]
    if kind == 'ov-int8':
        key += calibration_texts(args)
    digest = hashlib.sha256(json.dumps(key).encode()).hexdigest()[:12]
    return args.cache / f'{args.model.name}-{digest}' / kind


def artefact(args):
    """The folder that `args.engine` loads, made first if need be; None for an engine that takes the model as it is."""
    kinds = {'st-f32': None, 'st-bf16': None, 'ort-int8': 'ort-int8', 'ov-int8': 'ov-int8', 'fastembed-f32': 'logits'}
    kind = kinds.get(args.engine, 'scores')
    if kind is None:
        return None
    for needed in ['scores', kind] if kind.endswith('int8') else [kind]:
        folder = artefact_folder(args, needed)
        if not folder.exists():
            command = [sys.executable, __file__, 'prepare', needed, '--model', args.model, '--texts', args.texts, '--cache', args.cache]
            made = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
            if made.returncode != 0:
                answer = json.loads(made.stdout.strip() or '{}')
                raise RuntimeError(answer.get('message', f'preparing {needed} ended with {made.returncode}'))
    return folder


def prepare(args):
    folder = artefact_folder(args, args.kind)
    folder.parent.mkdir(parents=True, exist_ok=True)
    # Renamed when complete, so that an interrupted run leaves no half-written model behind.
    with tempfile.TemporaryDirectory(dir=folder.parent) as unfinished:
        unfinished = pathlib.Path(unfinished)
        if args.kind in ('scores', 'logits'):
            export(args, unfinished)
        else:
            scores = artefact_folder(args, 'scores')
            shutil.copy(scores / 'tokenizer.json', unfinished)
            quantise = {'ort-int8': quantise_onnx_runtime, 'ov-int8': quantise_openvino}[args.kind]
            quantise(args, scores / 'model.onnx', unfinished)
        shutil.copytree(unfinished, f'{unfinished}.complete')
    os.replace(f'{unfinished}.complete', folder)
    return {'event': 'prepared'}


def export(args, folder):
    """Writes model.onnx, whose output is `args.kind`, and a tokenizer.json that truncates and pads."""
    import inspect
    import torch
    from sentence_transformers import SparseEncoder

    # The tracing exporter needs eager attention.
    encoder = SparseEncoder(str(args.model), device='cpu', model_kwargs={'dtype': torch.float32, 'attn_implementation': 'eager'})
    kinds = [type(module).__name__ for module in encoder]
    if kinds != ['Transformer', 'SpladePooling'] or encoder[1].pooling_strategy != 'max' or encoder[1].activation_function != 'relu':
        raise RuntimeError(f'only a masked language model with log1p(relu) and max pooling can be exported, this one is {kinds}')
    model, tokenizer = encoder[0].auto_model.eval(), encoder.tokenizer

    takes = inspect.signature(model.forward).parameters
    names = [name for name in ('input_ids', 'attention_mask', 'token_type_ids')
             if name in takes and name in tokenizer.model_input_names]

    class Graph(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.model = model

        def forward(self, *inputs):
            inputs = dict(zip(names, inputs))
            logits = self.model(**inputs).logits
            if args.kind == 'logits':
                return logits
            return (torch.log1p(torch.relu(logits)) * inputs['attention_mask'].unsqueeze(-1)).amax(1)

    example = tokenizer(['a b c', 'd e f g h'], padding=True, return_tensors='pt')
    axes = {name: {0: 'batch', 1: 'tokens'} for name in names}
    axes[args.kind] = {0: 'batch', 1: 'tokens'} if args.kind == 'logits' else {0: 'batch'}
    torch.onnx.export(Graph(), tuple(example[name] for name in names), str(folder / 'model.onnx'), input_names=names,
                      output_names=[args.kind], dynamic_axes=axes, opset_version=17, dynamo=False)

    backend = tokenizer.backend_tokenizer
    backend.enable_truncation(max_length(encoder), direction=tokenizer.truncation_side)
    backend.enable_padding(direction=tokenizer.padding_side, pad_id=tokenizer.pad_token_id, pad_token=tokenizer.pad_token)
    backend.save(str(folder / 'tokenizer.json'))


def quantise_onnx_runtime(args, onnx, folder):
    from onnxruntime.quantization import QuantType, quantize_dynamic
    quantize_dynamic(onnx, folder / 'model.onnx', weight_type=QuantType.QInt8, per_channel=True)


def quantise_openvino(args, onnx, folder):
    import nncf
    import openvino

    feed = GraphEngine()
    args.artefact, args.batch = onnx.parent, 1
    feed.open_tokenizer(args)
    model = openvino.Core().read_model(onnx)
    feed.input_names = [node.get_any_name() for node in model.inputs]
    dataset = nncf.Dataset(calibration_texts(args), lambda text: feed.inputs([text]))
    quantised = nncf.quantize(model, dataset, model_type=nncf.ModelType.TRANSFORMER, preset=nncf.QuantizationPreset.MIXED,
                              subset_size=N_CALIBRATION_TEXTS)
    openvino.save_model(quantised, folder / 'model.xml')


def calibration_texts(args):
    return read_texts(args.texts, N_CALIBRATION_TEXTS)


# --- The commands.

def worker(args, emit):
    library, args.precision = args.engine.split('-')
    if args.device != 'cpu' and library != 'st':
        raise RuntimeError(f'{library} is measured on the CPU, not on {args.device}')
    texts = read_texts(args.texts, args.limit)
    args.artefact = artefact(args)
    engine = ENGINE_CLASSES[library](args)
    start = time.perf_counter()
    engine.encode([FIRST_TEXT])
    first_vector_s = engine.load_s + time.perf_counter() - start
    versions = {'python': platform.python_version()} | {name: importlib.metadata.version(name) for name in PACKAGES[library]}
    if library == 'fastembed':
        versions['fastembed'] = f'as in {FASTEMBED_VERSION}'
    emit({'event': 'ready', 'engine': args.engine, 'versions': versions, 'n_texts': len(texts),
          'n_tokens': engine.count_tokens(texts), 'load_s': engine.load_s, 'first_vector_s': first_vector_s})

    for line in sys.stdin:
        command, _, argument = line.strip().partition(' ')
        if command == 'round':
            emit({'event': 'round', 'seconds': timed(engine, texts)})
        elif command == 'query':
            seconds = [timed(engine, [QUERY_TEXT]) for _ in range(N_WARM_UPS + int(argument))][N_WARM_UPS:]
            emit({'event': 'query', 'median_ms': 1000 * statistics.median(seconds)})
        elif command == 'vectors':
            import scipy.sparse
            matrix = engine.to_csr(engine.encode(texts))
            scipy.sparse.save_npz(argument, matrix)
            emit({'event': 'vectors', 'nnz': matrix.nnz})
        elif command == 'quit':
            break
        else:
            raise RuntimeError(f'unknown command {line.strip()!r}')
    return {'event': 'done', 'peak_mb': resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024}


def timed(engine, texts):
    start = time.perf_counter()
    engine.encode(texts)
    return time.perf_counter() - start


def read_texts(path, limit):
    with open(path, encoding='utf8') as lines:
        return [json.loads(line)['text'] for line in lines if line.strip()][:limit]


def compare(args):
    import numpy as np
    import scipy.sparse

    a, b = (scipy.sparse.load_npz(path).astype(np.float64) for path in (args.a, args.b))
    if a.shape != b.shape:
        raise RuntimeError(f'shapes differ: {a.shape} and {b.shape}')

    def row_sums(matrix):
        return np.asarray(matrix.sum(axis=1)).ravel()

    def ratio(part, whole):  # two empty vectors are alike
        return np.where(whole > 0, part / np.where(whole > 0, whole, 1), 1)

    cosines = ratio(row_sums(a.multiply(b)), np.sqrt(row_sums(a.multiply(a)) * row_sums(b.multiply(b))))
    shared, either = row_sums((a > 0).multiply(b > 0)), row_sums((a > 0) + (b > 0))
    return {'event': 'compare', 'rows': a.shape[0], 'max_abs': float(abs(a - b).max()), 'mean_cosine': float(cosines.mean()),
            'min_cosine': float(cosines.min()), 'mean_jaccard': float(ratio(shared, either).mean()), 'nnz_a': a.nnz, 'nnz_b': b.nnz}


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    tasks = parser.add_subparsers(dest='task', required=True)
    work = tasks.add_parser('worker')
    work.add_argument('--engine', required=True, choices=ENGINES)
    work.add_argument('--threads', type=int, required=True)
    work.add_argument('--batch', type=int, required=True)
    work.add_argument('--limit', type=int)
    work.add_argument('--device', default='cpu', help='where torch computes; the other libraries know the CPU alone')
    make = tasks.add_parser('prepare', help='what a worker starts for itself')
    make.add_argument('kind', choices=['scores', 'logits', 'ort-int8', 'ov-int8'])
    for task in (work, make):
        task.add_argument('--model', type=pathlib.Path, required=True)
        task.add_argument('--texts', type=pathlib.Path, required=True)
        task.add_argument('--cache', type=pathlib.Path, default=pathlib.Path(tempfile.gettempdir()) / 'splade-rivals')
    pair = tasks.add_parser('compare')
    pair.add_argument('a')
    pair.add_argument('b')
    return parser.parse_args()


def main():
    args = parse_arguments()
    # Standard output belongs to the protocol; what libraries print goes to standard error.
    protocol = os.fdopen(os.dup(1), 'w', encoding='utf8')
    os.dup2(2, 1)

    def emit(event):
        print(json.dumps(event), file=protocol, flush=True)

    os.environ |= {'HF_HUB_OFFLINE': '1', 'TOKENIZERS_PARALLELISM': 'true'}
    if args.task == 'worker':
        # Read by OpenMP (torch) and rayon (tokenizers) when they are imported.
        os.environ |= {'OMP_NUM_THREADS': str(args.threads), 'RAYON_NUM_THREADS': str(args.threads)}
    try:
        if args.task == 'worker':
            emit(worker(args, emit))
        else:
            emit(prepare(args) if args.task == 'prepare' else compare(args))
    except Exception as error:
        import traceback
        traceback.print_exc()
        emit({'event': 'error', 'message': f'{type(error).__name__}: {error}'})
        sys.exit(1)


if __name__ == '__main__':
    main()
