//! The open loop: requests are sent at times that were drawn beforehand, whatever the server does.

use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use tokio::sync::{Semaphore, mpsc};
use tokio::task::JoinSet;

use crate::args::Open;
use crate::arrivals;
use crate::client::{Answer, Client, Connection, Keep};
use crate::requests::Requests;
use crate::tally::{Run, Shared};

struct Pool {
    client: Client,
    requests: Arc<Requests>,
    plan: Open,
    idle: Mutex<Vec<Connection>>,
    free: Semaphore,
    shared: Shared,
}

/// # Errors
/// The server cannot be reached at the start.
pub(crate) async fn run(client: Client, requests: Arc<Requests>, plan: Open) -> Result<Run> {
    let first = client.connect().await?;
    let times = arrivals::poisson(plan.rate, plan.duration, plan.seed);
    let pool = Arc::new(Pool {
        client,
        requests,
        idle: Mutex::new(vec![first]),
        free: Semaphore::new(plan.max_connections.min(Semaphore::MAX_PERMITS)),
        shared: Shared::default(),
        plan,
    });
    let started = Instant::now();
    let mut arriving = arrive(times, started)?;
    let mut tasks = JoinSet::new();
    while let Some((request, at)) = arriving.recv().await {
        let pool = Arc::clone(&pool);
        tasks.spawn(async move { pool.send(request, at).await });
        // Tasks that are over need no memory.
        while tasks.try_join_next().transpose()?.is_some() {}
    }
    while tasks.join_next().await.transpose()?.is_some() {}
    let elapsed = started.elapsed();
    Ok(pool.shared.finish(elapsed))
}

/// Numbers requests and says when each should be sent. A thread waits for the times, since tokio's
/// timer knows whole milliseconds only.
fn arrive(
    times: Vec<Duration>,
    started: Instant,
) -> Result<mpsc::UnboundedReceiver<(usize, Instant)>> {
    let (sender, receiver) = mpsc::unbounded_channel();
    let wait = move || {
        for (request, time) in times.into_iter().enumerate() {
            let at = started + time;
            thread::sleep(at.saturating_duration_since(Instant::now()));
            if sender.send((request, at)).is_err() {
                return;
            }
        }
    };
    thread::Builder::new()
        .name("arrivals".to_owned())
        .spawn(wait)
        .context("cannot start a thread")?;
    Ok(receiver)
}

impl Pool {
    async fn send(&self, request: usize, at: Instant) {
        let sending = self.send_now(request, at);
        let answer = match self.plan.leave_after {
            None => sending.await,
            Some(patience) => {
                let until = tokio::time::Instant::from_std(at + patience);
                match tokio::time::timeout_at(until, sending).await {
                    Ok(answer) => answer,
                    // What was sent is dropped, and its connection with it.
                    Err(_) => return self.shared.left(),
                }
            }
        };
        self.shared.add(request, answer, at.elapsed());
    }

    async fn send_now(&self, request: usize, at: Instant) -> Result<Answer> {
        let _permit = self.free.acquire().await?;
        self.shared.lag(at.elapsed());
        let mut connection = match self.idle() {
            Some(connection) => connection,
            None => self.client.connect().await?,
        };
        let keep = Keep::every(self.plan.keep_every, request);
        let answer = connection.post(&self.client, self.requests.body(request), keep).await?;
        self.lock().push(connection);
        Ok(answer)
    }

    /// The connection that was used last, so that few stay in use.
    fn idle(&self) -> Option<Connection> {
        let mut idle = self.lock();
        while let Some(connection) = idle.pop() {
            if !connection.is_closed() {
                return Some(connection);
            }
        }
        None
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Connection>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
