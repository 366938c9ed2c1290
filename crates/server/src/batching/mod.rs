//! Which texts are computed together, and when: queue, batcher and admission, without HTTP.
//!
//! A request is a [`Job`]: tokenised texts with a lane and perhaps a deadline.
//! [`Dispatcher::submit`] admits it or sheds it by the time that it would wait; threads, one per
//! device, take batches from the [`Scheduler`](scheduler::Scheduler), compute them, and deliver
//! each text's row to its request.

mod admission;
mod batcher;
mod clock;
mod dispatcher;
mod lane;
mod rate;
mod request;
mod scheduler;

pub(crate) use self::admission::Shed;
#[cfg(test)]
pub(crate) use self::clock::FakeClock;
pub(crate) use self::clock::{Clock, SystemClock};
pub(crate) use self::dispatcher::{BatchReport, Dispatcher, Load};
pub(crate) use self::lane::Lane;
pub(crate) use self::request::{Answer, Job, TextError, Waiting};
pub(crate) use self::scheduler::{Batching, Unit};

#[cfg(test)]
mod tests;

/// What computes the rows of texts: a model on a device, or a stand-in in tests.
pub(crate) trait Compute: Send + Sync + 'static {
    /// A text that is ready to be computed.
    type Text: Send + Sync + 'static;
    /// What comes of it.
    type Row: Send + 'static;
    /// Why nothing comes of it.
    type Error: Send + 'static;

    /// Row i for text i. All texts are of one group.
    ///
    /// # Errors
    /// Whatever the model says; the batcher then finds the text that is to blame.
    fn compute(&self, texts: &[&Self::Text]) -> Result<Vec<Self::Row>, Self::Error>;
}
