//! [`App`]: what all requests share.

use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use super::error::{ApiError, ApiResult};
use super::held::BodyMemory;
use crate::ServerOptions;
use crate::access::Keys;
use crate::metrics::Metrics;
use crate::served::Served;

/// Where in its life a server is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    /// It listens, and loads its model.
    Loading,
    Ready,
    /// It finishes what it has.
    Draining,
}

/// With work queued and none finished for this long, the server says that it is not ready.
const STALLED: Duration = Duration::from_secs(120);

pub(crate) struct App {
    pub(crate) options: ServerOptions,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) keys: Option<Keys>,
    pub(crate) body_memory: Arc<BodyMemory>,
    served: OnceLock<Served>,
    phase: AtomicU8,
}

pub(crate) type SharedApp = Arc<App>;

impl App {
    pub(crate) fn new(options: ServerOptions, keys: Option<Keys>) -> Self {
        let body_memory = BodyMemory::new(options.limits.max_total_body_bytes);
        Self {
            options,
            metrics: Arc::new(Metrics::new()),
            keys,
            body_memory: Arc::new(body_memory),
            served: OnceLock::new(),
            phase: AtomicU8::new(0),
        }
    }

    /// The model has been loaded: requests are answered from now on.
    pub(crate) fn serve(&self, served: Served) {
        let device = served.devices.join(",");
        let precision = served.encoder.precision().to_string();
        self.metrics.model_loaded(&self.options.model_name, &device, &precision);
        let _first = self.served.set(served);
        // A drain that began in the meantime goes on.
        let _ = self.phase.compare_exchange(0, 1, Ordering::AcqRel, Ordering::Acquire);
    }

    pub(crate) fn drain(&self) {
        self.phase.store(2, Ordering::Release);
    }

    pub(crate) fn phase(&self) -> Phase {
        match self.phase.load(Ordering::Acquire) {
            0 => Phase::Loading,
            1 => Phase::Ready,
            _ => Phase::Draining,
        }
    }

    /// The model, if it is loaded; requests that are under way when a drain begins still get it.
    ///
    /// # Errors
    /// 503 while it is being loaded.
    pub(crate) fn model(&self) -> ApiResult<&Served> {
        self.served.get().ok_or_else(|| ApiError::unhealthy("the model is being loaded"))
    }

    pub(crate) fn served(&self) -> Option<&Served> {
        self.served.get()
    }

    /// Whether the `Host` header is looked at: nobody is asked for a key, as only this machine
    /// should ask.
    pub(crate) fn checks_host(&self) -> bool {
        self.keys.is_none() && matches!(self.options.access, crate::options::Access::Loopback)
    }

    /// Whether requests should come here.
    ///
    /// # Errors
    /// Why they should not.
    pub(crate) fn readiness(&self) -> ApiResult<()> {
        match self.phase() {
            Phase::Loading => Err(ApiError::unhealthy("the model is being loaded")),
            Phase::Draining => Err(ApiError::unhealthy("the server ends")),
            Phase::Ready if self.is_stalled() => {
                Err(ApiError::unhealthy("texts wait, and nothing has been computed for minutes"))
            }
            Phase::Ready => Ok(()),
        }
    }

    /// Whether texts wait and nothing is computed.
    pub(crate) fn is_stalled(&self) -> bool {
        self.served().is_some_and(|served| served.dispatcher.load().stalled > STALLED)
    }
}
