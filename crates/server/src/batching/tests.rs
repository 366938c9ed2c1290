//! The queue on a fake encoder and a fake clock: no thread, no time passes but what a batch costs.

use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use super::clock::FakeClock;
use super::dispatcher::Dispatcher;
use super::request::TextError;
use super::{Batching, Clock, Compute, Job, Lane, Shed, Waiting};

/// Tokens per second of the fake encoder.
const RATE: f64 = 1000.0;

/// A text of some tokens, by its name. `bad` fails, `panic` panics.
#[derive(Clone)]
struct Text(&'static str, usize);

/// Computes at [`RATE`] on the fake clock, and remembers its batches.
struct FakeEncoder {
    clock: Arc<FakeClock>,
    batches: Mutex<Vec<Vec<&'static str>>>,
}

impl Compute for FakeEncoder {
    type Text = Text;
    type Row = &'static str;
    type Error = &'static str;

    fn compute(&self, texts: &[&Text]) -> Result<Vec<&'static str>, &'static str> {
        // Texts called `fast` are those of a table, which costs a tenth.
        let cost =
            |text: &&Text| if text.0 == "fast" { text.1 as f64 / 10.0 } else { text.1 as f64 };
        let n_tokens: f64 = texts.iter().map(cost).sum();
        self.clock.advance(Duration::from_secs_f64(n_tokens / RATE));
        self.batches.lock().unwrap().push(texts.iter().map(|text| text.0).collect());
        assert!(!texts.iter().any(|text| text.0 == "panic"), "the model panics");
        if texts.iter().any(|text| text.0 == "bad") {
            return Err("not finite");
        }
        Ok(texts.iter().map(|text| text.0).collect())
    }
}

type WaitingText = Waiting<&'static str, &'static str>;

struct Bench {
    clock: Arc<FakeClock>,
    encoder: FakeEncoder,
    queue: Dispatcher<FakeEncoder>,
}

const BATCHING: Batching = Batching {
    interactive_target: Duration::from_millis(50),
    bulk_target: Duration::from_millis(500),
    max_tokens: 4096,
    max_texts: None,
    bulk_patience: Duration::from_secs(1),
    max_wait: Duration::from_secs(10),
    max_queued_texts: None,
};

impl Bench {
    fn new(batching: Batching) -> Self {
        let clock = FakeClock::new();
        let queue = Dispatcher::by_hand(1, 2, batching, RATE, Arc::clone(&clock) as Arc<dyn Clock>);
        let encoder = FakeEncoder { clock: Arc::clone(&clock), batches: Mutex::default() };
        Self { clock, encoder, queue }
    }

    fn submit(&self, job: Job<Text>) -> Result<WaitingText, Shed> {
        self.queue.submit(job)
    }

    fn query(&self, client: u64, texts: &[(&'static str, usize)]) -> WaitingText {
        self.submit(job(Lane::Interactive, client, texts)).unwrap()
    }

    fn bulk(&self, client: u64, texts: &[(&'static str, usize)]) -> WaitingText {
        self.submit(job(Lane::Bulk, client, texts)).unwrap()
    }

    fn step(&self) -> bool {
        self.queue.step(0, &self.encoder)
    }

    fn batches(&self) -> Vec<Vec<&'static str>> {
        self.encoder.batches.lock().unwrap().clone()
    }
}

fn job(lane: Lane, client: u64, texts: &[(&'static str, usize)]) -> Job<Text> {
    let texts = texts.iter().map(|&(name, n)| (Text(name, n), n)).collect();
    Job { texts, group: 0, lane, client, deadline: None }
}

#[test]
fn a_text_that_comes_while_nothing_waits_starts_at_once() {
    let bench = Bench::new(BATCHING);
    let mut waiting = bench.query(1, &[("a", 10)]);
    assert!(bench.step());
    let answer = waiting.try_answer().unwrap();
    assert_eq!(answer.timing.queued, Duration::ZERO);
    assert_eq!(answer.timing.computed, Duration::from_millis(10));
    assert_eq!(answer.rows, [Ok("a")]);
    assert!(!bench.step());
}

#[test]
fn rows_come_back_in_the_order_of_the_texts() {
    let bench = Bench::new(BATCHING);
    let mut waiting = bench.bulk(1, &[("a", 400), ("b", 300), ("c", 200), ("d", 100)]);
    assert!(bench.step());
    assert!(waiting.try_answer().is_none(), "only a slice is computed");
    while bench.step() {}
    assert_eq!(waiting.try_answer().unwrap().rows, [Ok("a"), Ok("b"), Ok("c"), Ok("d")]);
    assert_eq!(bench.batches(), [vec!["a"], vec!["b", "c"], vec!["d"]]);
}

#[test]
fn a_query_waits_for_one_slice_of_bulk_at_most() {
    let bench = Bench::new(BATCHING);
    let texts = [("x", 100); 50];
    let _bulk = bench.bulk(1, &texts);
    let mut query = bench.query(2, &[("q", 10)]);
    assert!(bench.step());
    assert_eq!(query.try_answer().unwrap().rows, [Ok("q")]);
    // What is left of the 50 ms goes to bulk texts that fit into it: none of 100 tokens does.
    assert_eq!(bench.batches()[0], ["q"]);
    // Another query may come soon, so slices of bulk texts are short for a while.
    assert!(bench.step());
    assert_eq!(bench.batches()[1].len(), 1, "a slice of 100 ms");
    bench.clock.advance(Duration::from_secs(3));
    assert!(bench.step());
    assert_eq!(bench.batches()[2].len(), 5, "a slice of 500 ms");
}

#[test]
fn batches_of_queries_grow_with_their_queue() {
    let bench = Bench::new(BATCHING);
    let _queries: Vec<_> = (0..40).map(|client| bench.query(client, &[("q", 25)])).collect();
    bench.step();
    // A second's worth waits: half of it is computed together.
    assert_eq!(bench.batches()[0].len(), 20);
    while bench.step() {}
    assert_eq!(bench.batches().last().unwrap().len(), 1, "the last ones as they come");
}

#[test]
fn a_slow_machine_still_computes_bulk_texts_together() {
    let bench = Bench::new(Batching { bulk_target: Duration::from_millis(50), ..BATCHING });
    let _bulk = bench.bulk(1, &[("x", 32); 20]);
    bench.step();
    assert_eq!(bench.batches()[0].len(), 8, "256 tokens, though 50 ms are 50 tokens");
}

#[test]
fn bulk_fills_what_queries_leave_of_a_batch() {
    let bench = Bench::new(BATCHING);
    let _bulk = bench.bulk(1, &[("x", 30), ("y", 30)]);
    let _query = bench.query(2, &[("q", 10)]);
    assert!(bench.step());
    assert_eq!(bench.batches()[0], ["q", "x"]);
}

#[test]
fn bulk_that_has_waited_gets_a_share_of_full_batches() {
    let bench = Bench::new(BATCHING);
    let mut bulk = bench.bulk(1, &[("x", 10)]);
    let queries: Vec<_> = (0..300).map(|client| bench.query(client, &[("q", 25)])).collect();
    let mut elapsed = Duration::ZERO;
    while bulk.try_answer().is_none() {
        assert!(bench.step());
        elapsed += Duration::from_millis(50);
    }
    assert!(elapsed <= Duration::from_millis(1200), "{elapsed:?}");
    drop(queries);
}

#[test]
fn bulk_of_another_group_has_every_second_batch_once_it_has_waited() {
    let bench = Bench::new(BATCHING);
    let mut bulk = bench.submit(Job { group: 1, ..job(Lane::Bulk, 1, &[("x", 10)]) }).unwrap();
    let _queries: Vec<_> = (0..100).map(|client| bench.query(client, &[("q", 50)])).collect();
    for _ in 0..22 {
        bench.step();
    }
    assert!(bulk.try_answer().is_some());
    let is_of_one = |batch: &Vec<&str>| batch.iter().all(|&text| text == batch[0]);
    assert!(bench.batches().iter().all(is_of_one));
}

#[test]
fn clients_take_turns() {
    let bench = Bench::new(BATCHING);
    let _many = bench.bulk(1, &[("many", 100); 20]);
    let _few = bench.bulk(2, &[("few", 100); 2]);
    assert!(bench.step());
    assert_eq!(bench.batches()[0], ["many", "few", "many", "few", "many"]);
}

#[test]
fn a_text_of_a_batch_that_fails_is_alone_to_blame() {
    let bench = Bench::new(BATCHING);
    let mut waiting = bench.query(1, &[("a", 5), ("bad", 5), ("b", 5), ("panic", 5), ("c", 5)]);
    bench.step();
    let rows = waiting.try_answer().unwrap().rows;
    assert_eq!(rows[0], Ok("a"));
    assert_eq!(rows[1], Err(TextError::Compute("not finite")));
    assert_eq!(rows[2], Ok("b"));
    assert_eq!(rows[3], Err(TextError::Panic("the model panics".to_owned())));
    assert_eq!(rows[4], Ok("c"));
}

#[test]
fn a_caller_that_left_costs_no_compute() {
    let bench = Bench::new(BATCHING);
    let left = bench.bulk(1, &[("gone", 100); 30]);
    let mut stays = bench.bulk(2, &[("stays", 100)]);
    drop(left);
    assert_eq!(bench.queue.load().bulk_tokens, 100, "its permits are free at once");
    bench.step();
    assert_eq!(stays.try_answer().unwrap().rows, [Ok("stays")]);
    assert_eq!(bench.batches(), [["stays"]]);
}

#[test]
fn a_text_whose_deadline_has_passed_costs_no_compute() {
    let bench = Bench::new(BATCHING);
    let deadline = Some(bench.clock.now() + Duration::from_millis(100));
    let _before = bench.query(1, &[("before", 50)]);
    let mut late =
        bench.submit(Job { deadline, ..job(Lane::Interactive, 2, &[("late", 10)]) }).unwrap();
    bench.step();
    bench.clock.advance(Duration::from_millis(100));
    assert!(!bench.step());
    assert_eq!(late.try_answer().unwrap().rows, [Err(TextError::Expired)]);
    assert_eq!(bench.batches(), [["before"]]);
}

#[test]
fn what_would_wait_too_long_is_shed_and_what_is_in_is_kept() {
    let bench = Bench::new(BATCHING);
    let mut accepted = Vec::new();
    let shed = loop {
        match bench.submit(job(Lane::Bulk, 1, &[("x", 500)])) {
            Ok(waiting) => accepted.push(waiting),
            Err(shed) => break shed,
        }
    };
    assert!(
        matches!(shed, Shed::Overloaded { retry_after } if retry_after >= Duration::from_secs(1))
    );
    assert_eq!(accepted.len(), 21, "10 s of 1000 tokens a second, and the one that is next");
    // A query does not wait behind bulk texts, so it is let in.
    assert!(bench.submit(job(Lane::Interactive, 2, &[("q", 10)])).is_ok());
    while bench.step() {}
    for mut waiting in accepted {
        assert_eq!(waiting.try_answer().unwrap().rows, [Ok("x")]);
    }
}

#[test]
fn a_fast_route_is_not_shed_by_the_speed_of_a_slow_one() {
    let bench = Bench::new(BATCHING);
    // Group 1 is measured to be ten times as fast as group 0.
    for _ in 0..60 {
        let quick = Job { group: 1, ..job(Lane::Interactive, 1, &[("fast", 50)]) };
        let _waiting = bench.submit(quick).unwrap();
        bench.step();
    }
    let n_tokens = 20_000;
    let quick = Job { group: 1, ..job(Lane::Interactive, 1, &[("fast", n_tokens)]) };
    let _waiting = bench.submit(quick).unwrap();
    let next = Job { group: 1, ..job(Lane::Interactive, 2, &[("fast", 50)]) };
    assert!(bench.submit(next).is_ok(), "it waits for 2 s, not for 20");
    let slow = bench.query(3, &[("slow", n_tokens)]);
    assert!(bench.submit(job(Lane::Interactive, 4, &[("slow", 50)])).is_err(), "20 s more");
    drop(slow);
}

#[test]
fn an_idle_server_takes_a_request_of_any_size() {
    let bench = Bench::new(Batching { max_queued_texts: Some(10), ..BATCHING });
    let mut waiting = bench.bulk(1, &[("x", 500); 200]);
    assert!(bench.submit(job(Lane::Bulk, 1, &[("y", 1)])).is_err());
    while bench.step() {}
    assert_eq!(waiting.try_answer().unwrap().rows.len(), 200);
}

#[test]
fn a_text_longer_than_any_batch_is_a_batch_of_its_own() {
    let bench = Bench::new(BATCHING);
    let _first = bench.query(1, &[("short", 5)]);
    let mut long = bench.query(1, &[("long", 9000)]);
    while bench.step() {}
    assert_eq!(long.try_answer().unwrap().rows, [Ok("long")]);
    assert_eq!(bench.batches(), [["short"], ["long"]]);
}

#[test]
fn a_closed_queue_finishes_what_waits_and_takes_nothing_new() {
    let bench = Bench::new(BATCHING);
    let mut waiting = bench.bulk(1, &[("x", 500); 3]);
    bench.queue.close();
    assert!(matches!(bench.submit(job(Lane::Bulk, 1, &[("y", 1)])), Err(Shed::Closing)));
    while bench.step() {}
    assert_eq!(waiting.try_answer().unwrap().rows.len(), 3);
}

#[test]
fn what_is_not_begun_is_told_when_the_drain_ends() {
    let bench = Bench::new(BATCHING);
    let mut waiting = bench.bulk(1, &[("x", 500); 2]);
    bench.step();
    bench.queue.drop_queued();
    assert_eq!(waiting.try_answer().unwrap().rows, [Ok("x"), Err(TextError::Gone)]);
}

#[test]
fn a_request_without_texts_is_answered_at_once() {
    let bench = Bench::new(BATCHING);
    let mut waiting = bench.query(1, &[]);
    assert!(waiting.try_answer().unwrap().rows.is_empty());
}

#[test]
fn a_stall_is_seen_and_an_idle_queue_is_none() {
    let bench = Bench::new(BATCHING);
    bench.clock.advance(Duration::from_secs(100));
    assert_eq!(bench.queue.load().stalled, Duration::ZERO);
    let _waiting = bench.query(1, &[("a", 5)]);
    bench.clock.advance(Duration::from_secs(70));
    assert_eq!(bench.queue.load().stalled, Duration::from_secs(70));
    bench.step();
    assert_eq!(bench.queue.load().stalled, Duration::ZERO);
}

#[test]
fn threads_compute_what_is_submitted_and_end_when_the_queue_is_closed() {
    let clock = FakeClock::new();
    let encoder = || FakeEncoder { clock: Arc::clone(&clock), batches: Mutex::default() };
    let queue = Dispatcher::start(
        vec![encoder(), encoder()],
        1,
        BATCHING,
        RATE,
        Arc::clone(&clock) as Arc<dyn Clock>,
        Arc::new(|_| ()),
    )
    .unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let waiting: Vec<_> = (0..50)
        .map(|client| {
            queue.submit(job(Lane::Interactive, client, &[("a", 5), ("panic", 5)])).unwrap()
        })
        .collect();
    queue.close();
    for waiting in waiting {
        let rows = runtime.block_on(waiting.answer()).rows;
        assert_eq!(rows[0], Ok("a"));
        assert!(matches!(rows[1], Err(TextError::Panic(_))));
    }
    queue.join(Duration::from_secs(60));
}

/// Computes once another device computes too, if one does.
struct Together(Arc<(Mutex<usize>, Condvar)>);

impl Compute for Together {
    type Text = Text;
    type Row = bool;
    type Error = ();

    fn compute(&self, texts: &[&Text]) -> Result<Vec<bool>, ()> {
        let (n_begun, changed) = &*self.0;
        let mut guard = n_begun.lock().unwrap();
        *guard += 1;
        changed.notify_all();
        let patience = Duration::from_secs(10);
        let (_guard, waited) =
            changed.wait_timeout_while(guard, patience, |n_begun| *n_begun < 2).unwrap();
        Ok(vec![!waited.timed_out(); texts.len()])
    }
}

#[test]
fn a_request_of_several_batches_wakes_every_device() {
    let begun = Arc::default();
    let units = vec![Together(Arc::clone(&begun)), Together(begun)];
    let clock = FakeClock::new();
    let queue = Dispatcher::start(units, 1, BATCHING, RATE, clock, Arc::new(|_| ())).unwrap();
    // Both threads wait for texts by now.
    std::thread::sleep(Duration::from_millis(100));
    let waiting = queue.submit(job(Lane::Bulk, 1, &[("a", 400), ("b", 400)])).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    assert_eq!(runtime.block_on(waiting.answer()).rows, [Ok(true), Ok(true)]);
    queue.close();
    queue.join(Duration::from_secs(60));
}
