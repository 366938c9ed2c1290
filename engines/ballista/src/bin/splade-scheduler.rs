//! Ballista's scheduler, with the functions of `splade-ballista`.
#![forbid(unsafe_code)]

use std::process::ExitCode;
use std::sync::Arc;

use ballista_core::error::BallistaError;
use ballista_scheduler::cluster::BallistaCluster;
use ballista_scheduler::config::SchedulerConfig;
use ballista_scheduler::scheduler_process::{create_scheduler, start_grpc_service_with_listener};
use clap::Parser;
use datafusion_proto::protobuf::{LogicalPlanNode, PhysicalPlanNode};
use splade_ballista::{programs, session_state};
use tokio::net::TcpListener;

/// Ballista's scheduler, with splade's functions. Prints its address once it listens
#[derive(Parser)]
#[command(version)]
struct Arguments {
    /// Address to listen on
    #[arg(long, default_value = "0.0.0.0")]
    bind_host: String,
    /// Port to listen on; 0 is any that is free
    #[arg(long, default_value_t = 50050)]
    port: u16,
    /// Name under which executors reach this machine
    #[arg(long, default_value = "localhost")]
    external_host: String,
    /// Seconds without a heartbeat after which an executor is taken for dead
    #[arg(long, default_value_t = 180)]
    executor_timeout_seconds: u64,
    /// Seconds between looks for dead executors
    #[arg(long, default_value_t = 15)]
    expire_interval_seconds: u64,
    /// Seconds to wait for an executor when the last one is gone, before jobs fail. Default: the
    /// executors' timeout
    #[arg(long)]
    no_executors_grace_seconds: Option<u64>,
    /// How often a task may fail to read or write before its job fails
    #[arg(long, default_value_t = 4)]
    task_max_failures: usize,
    /// What is logged, as in RUST_LOG, which comes first
    #[arg(long, default_value = "warn")]
    log: String,
}

/// Bytes of the largest message: where the results of 5,000 units are is told in one.
const MAX_MESSAGE: u32 = 64 << 20;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    programs::run(&arguments.log.clone(), serve(arguments))
}

async fn serve(arguments: Arguments) -> Result<(), BallistaError> {
    let address = (arguments.bind_host.as_str(), arguments.port);
    let listener = TcpListener::bind(address).await.map_err(|error| {
        BallistaError::General(format!("cannot listen on {}:{}: {error}", address.0, address.1))
    })?;
    let address = listener.local_addr()?;
    let mut config = SchedulerConfig::default()
        .with_hostname(arguments.external_host)
        .with_port(address.port())
        .with_grpc_server_max_decoding_message_size(MAX_MESSAGE)
        .with_grpc_server_max_encoding_message_size(MAX_MESSAGE)
        .with_grpc_client_max_message_size(MAX_MESSAGE)
        .with_no_executors_grace_period_seconds(
            arguments.no_executors_grace_seconds.unwrap_or(arguments.executor_timeout_seconds),
        )
        .with_override_session_builder(Arc::new(session_state));
    config.bind_host = arguments.bind_host;
    config.executor_timeout_seconds = arguments.executor_timeout_seconds;
    config.expire_dead_executor_interval_seconds = arguments.expire_interval_seconds;
    config.task_max_failures = arguments.task_max_failures;
    config.validate()?;
    let cluster = BallistaCluster::new_from_config(&config).await?;
    let scheduler =
        create_scheduler::<LogicalPlanNode, PhysicalPlanNode>(cluster, Arc::new(config)).await?;
    programs::say(&format!("listening on {address}"));
    start_grpc_service_with_listener(listener, scheduler).await
}
