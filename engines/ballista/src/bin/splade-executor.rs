//! Ballista's executor, with the functions of `splade-ballista`.
#![forbid(unsafe_code)]

use std::process::ExitCode;
use std::sync::Arc;

use ballista_core::error::BallistaError;
use ballista_executor::executor_process::{ExecutorProcessConfig, start_executor_process};
use clap::Parser;
use splade_ballista::{function_registry, programs};

/// As the program `splade` has: forward passes allocate and free large buffers.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Ballista's executor, with splade's functions; waits for its scheduler. One for each graphics
/// card (CUDA_VISIBLE_DEVICES), or for 8 to 16 cores of a CPU
#[derive(Parser)]
#[command(version)]
struct Arguments {
    /// Host of the scheduler
    #[arg(long, default_value = "localhost")]
    scheduler_host: String,
    /// Port of the scheduler
    #[arg(long, default_value_t = 50050)]
    scheduler_port: u16,
    /// Address to listen on
    #[arg(long, default_value = "0.0.0.0")]
    bind_host: String,
    /// Name under which others reach this machine. Default: the address that the scheduler sees
    #[arg(long)]
    external_host: Option<String>,
    /// Port for results; 0 is any that is free
    #[arg(long, default_value_t = 50051)]
    port: u16,
    /// Port for tasks; 0 is any that is free
    #[arg(long, default_value_t = 50052)]
    grpc_port: u16,
    /// Units at a time. One uses all threads of the model
    #[arg(long, default_value_t = 1)]
    vcores: usize,
    /// Seconds between heartbeats
    #[arg(long, default_value_t = 60)]
    heartbeat_seconds: u64,
    /// Folder for results until they are fetched. Default: a temporary one
    #[arg(long)]
    work_dir: Option<String>,
    /// What is logged, as in RUST_LOG, which comes first
    #[arg(long, default_value = "warn")]
    log: String,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    programs::run(&arguments.log.clone(), work(arguments))
}

async fn work(arguments: Arguments) -> Result<(), BallistaError> {
    // Removed at the end, unless the process is killed.
    let temporary = tempfile::Builder::new().prefix("splade-executor-").tempdir()?;
    let work_dir =
        arguments.work_dir.unwrap_or_else(|| temporary.path().to_string_lossy().into_owned());
    let port = programs::port_or_free(&arguments.bind_host, arguments.port)?;
    let grpc_port = programs::port_or_free(&arguments.bind_host, arguments.grpc_port)?;
    let config = ExecutorProcessConfig {
        bind_host: arguments.bind_host,
        external_host: arguments.external_host,
        port,
        grpc_port,
        scheduler_host: arguments.scheduler_host,
        scheduler_port: arguments.scheduler_port,
        // Ballista 55 does not measure the time: any number but 0 waits until a scheduler answers.
        scheduler_connect_timeout_seconds: 60,
        vcores: arguments.vcores.max(1),
        executor_heartbeat_interval_seconds: arguments.heartbeat_seconds,
        work_dir: Some(work_dir),
        override_function_registry: Some(Arc::new(function_registry()?)),
        ..ExecutorProcessConfig::default()
    };
    programs::say(&format!("executor {} on ports {port} and {grpc_port}", config.executor_id));
    start_executor_process(Arc::new(config)).await
}
