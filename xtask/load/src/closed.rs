//! The closed loop: each connection sends its next request once the last one is answered.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use anyhow::Result;
use tokio::task::JoinSet;

use crate::args::Closed;
use crate::client::{Answer, Client, Connection, Keep};
use crate::requests::Requests;
use crate::tally::{Run, Shared};

/// A connection gives up after this many failures in a row: the server is gone.
const MAX_FAILURES: usize = 10;

struct Loop {
    client: Arc<Client>,
    requests: Arc<Requests>,
    plan: Closed,
    next: AtomicUsize,
    started: Instant,
    shared: Shared,
}

/// # Errors
/// The server cannot be reached at the start.
pub(crate) async fn run(client: Client, requests: Arc<Requests>, plan: Closed) -> Result<Run> {
    let mut connections = Vec::with_capacity(plan.connections);
    for _ in 0..plan.connections {
        connections.push(client.connect().await?);
    }
    let each = Arc::new(Loop {
        client: Arc::new(client),
        requests,
        plan,
        next: AtomicUsize::new(0),
        started: Instant::now(),
        shared: Shared::default(),
    });
    let mut tasks = JoinSet::new();
    for connection in connections {
        let each = Arc::clone(&each);
        tasks.spawn(async move { each.send_all(connection).await });
    }
    while tasks.join_next().await.transpose()?.is_some() {}
    let elapsed = each.started.elapsed();
    Ok(each.shared.finish(elapsed))
}

impl Loop {
    fn is_over(&self, request: usize) -> bool {
        match self.plan.requests {
            Some(n_requests) => request >= n_requests,
            None => self.started.elapsed() >= self.plan.duration,
        }
    }

    async fn send_all(&self, connection: Connection) {
        let mut connection = Some(connection);
        let mut n_failures = 0;
        while n_failures < MAX_FAILURES {
            let request = self.next.fetch_add(1, Ordering::Relaxed);
            if self.is_over(request) {
                return;
            }
            let sent = Instant::now();
            let answer = self.send(&mut connection, request).await;
            n_failures = if answer.is_ok() { 0 } else { n_failures + 1 };
            let latency = sent.elapsed();
            let wait = answer.as_ref().ok().and_then(|answer| answer.retry_after);
            self.shared.add(request, answer, latency);
            // A client that is shed comes back when it is told to, not at once.
            if let Some(wait) = wait {
                tokio::time::sleep(wait).await;
            }
        }
    }

    /// Sends a request; after a failure the next one has a new connection.
    async fn send(&self, connection: &mut Option<Connection>, request: usize) -> Result<Answer> {
        let mut used = match connection.take() {
            Some(open) if !open.is_closed() => open,
            _ => self.client.connect().await?,
        };
        let keep = Keep::every(self.plan.keep_every, request);
        let answer = used.post(&self.client, self.requests.body(request), keep).await?;
        *connection = Some(used);
        Ok(answer)
    }
}
