//! What the programs share: logs, ports, and how they end.

use std::future::Future;
use std::io::{self, Write};
use std::net::TcpListener;
use std::process::ExitCode;

use tracing_subscriber::EnvFilter;

use crate::failure;

/// Runs a program until it ends: its errors go to standard error, with their causes, and log lines
/// too, as `RUST_LOG` or else `log` says.
pub fn run<E: std::error::Error>(
    log: &str,
    program: impl Future<Output = Result<(), E>>,
) -> ExitCode {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(log));
    tracing_subscriber::fmt()
        .with_ansi(false)
        .with_writer(io::stderr)
        .with_env_filter(filter)
        .init();
    // Plans are walked recursively: Ballista's own program has stacks of this size.
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .thread_stack_size(32 << 20)
        .build();
    let failed = match runtime {
        Ok(runtime) => runtime.block_on(program).err().map(|error| failure::chain(&error)),
        Err(error) => Some(format!("cannot start threads: {error}")),
    };
    match failed {
        None => ExitCode::SUCCESS,
        Some(error) => {
            let _ = writeln!(io::stderr(), "error: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Prints a line, for whoever waits for it.
pub fn say(line: &str) {
    let mut out = io::stdout();
    let _ = writeln!(out, "{line}").and_then(|()| out.flush());
}

/// The port, or one that is free if it is 0: an executor tells the scheduler its ports before it
/// opens them.
///
/// # Errors
/// No port is free, or the address is not of this machine.
pub fn port_or_free(host: &str, port: u16) -> io::Result<u16> {
    match port {
        0 => Ok(TcpListener::bind((host, 0))?.local_addr()?.port()),
        port => Ok(port),
    }
}
