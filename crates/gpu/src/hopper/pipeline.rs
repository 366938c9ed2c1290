//! The kernel's protocol of stages, played in any order: copies and products never meet in a stage,
//! and no order of events ends in a deadlock.

use proptest::prelude::*;

use super::sizes::STAGES;

/// An `mbarrier`: a phase ends when all have arrived.
#[derive(Clone, Copy)]
struct Barrier {
    count: usize,
    pending: usize,
    phases: usize,
}

impl Barrier {
    fn new(count: usize) -> Self {
        Self { count, pending: count, phases: 0 }
    }

    fn arrive(&mut self) {
        self.pending -= 1;
        if self.pending == 0 {
            (self.pending, self.phases) = (self.count, self.phases + 1);
        }
    }

    /// `try_wait.parity`: whether the phase of this parity has ended.
    fn is_past(&self, parity: usize) -> bool {
        self.phases % 2 != parity
    }
}

/// A multiplying warpgroup.
#[derive(Clone, Copy, Default)]
struct Half {
    /// Steps whose products were started, over all tiles.
    started: usize,
    /// Those that are finished; the products of the others read their stages.
    finished: usize,
    may_start: bool,
}

struct Block {
    steps_per_tile: usize,
    n_steps: usize,
    full: [Barrier; STAGES],
    empty: [Barrier; STAGES],
    /// The step that each stage holds, once its copy has landed.
    held: [Option<usize>; STAGES],
    /// Steps whose copies were requested, and the requested ones that have not landed.
    requested: usize,
    flying: Vec<usize>,
    halves: [Half; 2],
}

impl Block {
    fn new(tiles: usize, steps_per_tile: usize) -> Self {
        let halves = [
            Half { may_start: true, ..Half::default() },
            Half { may_start: false, ..Half::default() },
        ];
        Self {
            steps_per_tile,
            n_steps: tiles * steps_per_tile,
            full: [Barrier::new(1); STAGES],
            empty: [Barrier::new(2); STAGES],
            held: [None; STAGES],
            requested: 0,
            flying: Vec::new(),
            halves,
        }
    }

    /// The warpgroup that requests copies does its next step, if it can.
    fn request(&mut self) -> bool {
        let step = self.requested;
        let (stage, phase) = (step % STAGES, step / STAGES % 2);
        if step == self.n_steps || !self.empty[stage].is_past(phase ^ 1) {
            return false;
        }
        for half in self.halves {
            let read = (half.finished..half.started).map(|step| step % STAGES);
            assert!(
                read.into_iter().all(|read| read != stage),
                "a stage is overwritten while read"
            );
        }
        self.held[stage] = None;
        self.flying.push(step);
        self.requested += 1;
        true
    }

    /// One of the copies under way lands.
    fn land(&mut self, which: usize) -> bool {
        if self.flying.is_empty() {
            return false;
        }
        let step = self.flying.swap_remove(which % self.flying.len());
        self.held[step % STAGES] = Some(step);
        self.full[step % STAGES].arrive();
        true
    }

    /// A half starts the products of its next step, and waits until at most one group is in flight;
    /// at the end of a tile, for all.
    fn multiply(&mut self, index: usize) -> bool {
        let Half { started: step, may_start, .. } = self.halves[index];
        let (stage, phase) = (step % STAGES, step / STAGES % 2);
        if step == self.n_steps || !may_start || !self.full[stage].is_past(phase) {
            return false;
        }
        assert_eq!(self.held[stage], Some(step), "a stage is read before its copy has landed");
        self.halves[index].started += 1;
        let within = step % self.steps_per_tile;
        if within > 0 {
            self.finish(index);
        }
        if within + 1 == self.steps_per_tile {
            self.finish(index);
        }
        if index == 0 && (step == 1 || self.steps_per_tile == 1) {
            self.halves[1].may_start = true;
        }
        true
    }

    fn finish(&mut self, index: usize) {
        let half = &mut self.halves[index];
        self.empty[half.finished % STAGES].arrive();
        half.finished += 1;
    }

    fn is_done(&self) -> bool {
        self.halves.iter().all(|half| half.finished == self.n_steps)
    }
}

proptest! {
    #[test]
    fn stages_are_handed_on_in_any_order_of_events(
        tiles in 1usize..6, steps in 1usize..14, events in prop::collection::vec(0usize..16, 1..40),
    ) {
        let mut block = Block::new(tiles, steps);
        let mut events = events.into_iter().cycle();
        while !block.is_done() {
            // The first that can go on, from a random one on; a deadlock if none can.
            let event = events.next().expect("it is a cycle of at least one");
            let moved = (0..4).any(|next| match (event + next) % 4 {
                0 => block.request(),
                1 => block.land(event / 4),
                2 => block.multiply(0),
                _ => block.multiply(1),
            });
            prop_assert!(moved, "deadlock");
        }
    }
}
