//! The worker that `cargo xtask bench` times: reads commands from standard input and writes one
//! JSON object per line to standard output. `benches/rivals.py worker` speaks the same protocol for
//! other libraries.
//!
//!     cargo bench -p splade --bench measure -- --model FOLDER --texts FILE.jsonl
//!
//! Says `ready` once the model is loaded, then answers
//!
//! | Command | does |
//! |---|---|
//! | `round` | encodes all texts once, and reports the seconds |
//! | `query N` | encodes one short text N times after ten warm-up runs, and reports the median |
//! | `vectors FILE.npz` | writes the vectors of all texts |
//! | `quit` | reports the peak memory, and exits |
#![forbid(unsafe_code)]

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use clap::Parser;
use serde_json::{Value, json};
use splade::info::{GpuProducts, Isa};
use splade::{Device, EncodeOptions, Precision, SparseEncoder, SparseMatrix};

/// The program's allocator, since the program is what is measured.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const FIRST_TEXT: &str = "what is a learned sparse vector";
const QUERY: &str = "how do learned sparse vectors find documents";
const QUERY_WARM_UPS: usize = 10;
/// Where all engines truncate texts, unless the model's limit is lower.
const MAX_TOKENS: usize = 512;

#[derive(Parser)]
struct Args {
    #[arg(long)]
    model: PathBuf,
    /// JSON lines with a `text`
    #[arg(long)]
    texts: PathBuf,
    /// CPU threads. Default: the number of cores
    #[arg(long)]
    threads: Option<NonZeroUsize>,
    /// Texts per forward pass; 0 leaves it to the library
    #[arg(long, default_value_t = 0)]
    batch: usize,
    #[arg(long, default_value_t = Device::Cpu)]
    device: Device,
    #[arg(long, default_value_t = Precision::F32)]
    precision: Precision,
    /// CPU instructions to use at most
    #[arg(long)]
    isa: Option<Isa>,
    /// Kernels that multiply in f16 and bf16 on a GPU
    #[arg(long, default_value_t)]
    gpu_products: GpuProducts,
    /// Keep only the largest weights of each text
    #[arg(long)]
    max_active_dims: Option<NonZeroUsize>,
    /// Use only the first texts
    #[arg(long)]
    limit: Option<usize>,
    /// Passed by Cargo to benchmarks
    #[arg(long, hide = true)]
    bench: bool,
}

fn main() -> ExitCode {
    // `cargo bench` and `cargo test --benches` run this too, with nothing to measure.
    if !std::env::args().any(|arg| arg == "--model" || arg.starts_with("--model=")) {
        return ExitCode::SUCCESS;
    }
    match Args::try_parse().map_err(Into::into).and_then(|args| run(&args)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // The reader may be gone.
            let _ = say(&json!({"event": "error", "message": format!("{error:#}")}));
            ExitCode::FAILURE
        }
    }
}

fn run(args: &Args) -> Result<()> {
    let texts = read_texts(&args.texts, args.limit)?;
    let start = Instant::now();
    let mut builder = SparseEncoder::builder().device(args.device.clone());
    builder = builder.precision(args.precision).isa(args.isa.unwrap_or_default());
    builder = builder.gpu_products(args.gpu_products);
    if let Some(max_active_dims) = args.max_active_dims {
        builder = builder.max_active_dims(max_active_dims);
    }
    if let Some(threads) = args.threads {
        builder = builder.threads(threads);
    }
    let mut encoder = builder.load(&args.model)?;
    if encoder.max_seq_length().is_none_or(|n_tokens| n_tokens > MAX_TOKENS) {
        encoder = encoder.with_max_seq_length(MAX_TOKENS)?;
    }
    let load = start.elapsed();
    let loaded_mb = status_mb("VmRSS");
    let mut options = EncodeOptions::default();
    options.batch_size = NonZeroUsize::new(args.batch);
    let worker = Worker { encoder, options, texts };

    let (first, _) = worker.time(&[FIRST_TEXT.to_owned()])?;
    let mut n_tokens = 0;
    for text in &worker.texts {
        n_tokens += worker.encoder.pieces(text, &EncodeOptions::default())?.len();
    }
    say(&json!({
        "event": "ready",
        "engine": format!("splade-{}-{}", args.device, args.precision),
        "versions": {"splade": env!("CARGO_PKG_VERSION")},
        "n_texts": worker.texts.len(),
        "n_tokens": n_tokens,
        "load_s": load.as_secs_f64(),
        "first_vector_s": (load + first).as_secs_f64(),
        "loaded_mb": loaded_mb,
    }))?;
    for line in io::stdin().lines() {
        let line = line.context("cannot read commands")?;
        let answer = match line.split_once(' ').unwrap_or((&line, "")) {
            ("round", "") => worker.round()?,
            ("query", n) => worker.query(n.parse().context("`query` needs a number")?)?,
            ("vectors", path) if !path.is_empty() => worker.vectors(Path::new(path))?,
            ("quit", "") => break,
            _ => bail!("unknown command `{line}`"),
        };
        say(&answer)?;
    }
    say(&json!({"event": "done", "peak_mb": status_mb("VmHWM")}))
}

struct Worker {
    encoder: SparseEncoder,
    options: EncodeOptions,
    texts: Vec<String>,
}

impl Worker {
    fn round(&self) -> Result<Value> {
        let (elapsed, embeddings) = self.time(&self.texts)?;
        // Timing wrong results is worthless.
        ensure!(embeddings.n_rows() == self.texts.len(), "{} rows", embeddings.n_rows());
        Ok(json!({"event": "round", "seconds": elapsed.as_secs_f64()}))
    }

    fn query(&self, n: usize) -> Result<Value> {
        ensure!(n > 0, "`query 0` measures nothing");
        let query = [QUERY.to_owned()];
        let mut times = Vec::new();
        for _ in 0..QUERY_WARM_UPS + n {
            times.push(self.time(&query)?.0.as_secs_f64() * 1e3);
        }
        let times = &mut times[QUERY_WARM_UPS..];
        times.sort_unstable_by(f64::total_cmp);
        let median = (times[(n - 1) / 2] + times[n / 2]) / 2.0;
        Ok(json!({"event": "query", "median_ms": median}))
    }

    fn vectors(&self, path: &Path) -> Result<Value> {
        let (_, embeddings) = self.time(&self.texts)?;
        let context = || format!("cannot write {}", path.display());
        let mut file = BufWriter::new(File::create(path).with_context(context)?);
        embeddings.write_npz(&mut file).with_context(context)?;
        file.flush().with_context(context)?;
        Ok(json!({"event": "vectors", "nnz": embeddings.nnz()}))
    }

    /// On every device, this returns once the embeddings are on the host.
    fn time(&self, texts: &[String]) -> Result<(Duration, SparseMatrix)> {
        let start = Instant::now();
        let encoded = self.encoder.encode_with(texts, &self.options)?;
        Ok((start.elapsed(), encoded.embeddings))
    }
}

fn read_texts(path: &Path, limit: Option<usize>) -> Result<Vec<String>> {
    let lines =
        fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    let text = |line: &str| -> Result<String> {
        let record: Value = serde_json::from_str(line).context("a line is no JSON")?;
        Ok(record["text"].as_str().context("a line has no `text`")?.to_owned())
    };
    let lines = lines.lines().filter(|line| !line.trim().is_empty());
    let texts: Vec<String> =
        lines.take(limit.unwrap_or(usize::MAX)).map(text).collect::<Result<_>>()?;
    ensure!(!texts.is_empty(), "{} has no texts", path.display());
    Ok(texts)
}

/// A field of this process's status in MiB; 0 on systems that do not report it.
fn status_mb(field: &str) -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let kilobytes: Option<u64> = status
        .lines()
        .find_map(|line| line.strip_prefix(field)?.strip_prefix(':'))
        .and_then(|value| value.trim().strip_suffix("kB")?.trim().parse().ok());
    kilobytes.unwrap_or(0) / 1024
}

fn say(event: &Value) -> Result<()> {
    let mut output = io::stdout().lock();
    writeln!(output, "{event}")?;
    Ok(output.flush()?)
}
