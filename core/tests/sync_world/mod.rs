//! A mailbox, a disk and a program that fetches, in memory: what the tests and
//! the fuzz target of the planner kill and start again.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, dead_code, missing_docs)]

use std::collections::{BTreeMap, BTreeSet};

use popmail::sync::{Identity, Listed, ServerPolicy, SyncRules, SyncState};

/// The run was killed.
pub struct Killed;

/// What outlives a run: the server's mailbox, the disk, and how many steps
/// the present run may take.
#[derive(Default)]
pub struct World {
    /// `(uid, content)`; the content is unique, uids need not be.
    pub server: Vec<(&'static str, u32)>,
    pub marked: BTreeSet<u32>,
    pub folder: BTreeMap<u32, usize>,
    pub receipts: BTreeSet<String>,
    pub snapshot: Option<String>,
    pub journal: String,
    pub steps_left: usize,
    pub clock: u64,
    /// The size of a message; by default few have one of their own.
    pub octets_of: Option<fn(u32) -> u64>,
    /// Deliveries that came twice: between delivery and journal the run died.
    pub died_before_the_journal: usize,
}

impl World {
    pub fn step(&mut self) -> Result<(), Killed> {
        self.clock += 1;
        self.steps_left = self.steps_left.checked_sub(1).ok_or(Killed)?;
        Ok(())
    }

    fn save(&mut self, state: &mut SyncState) -> Result<(), Killed> {
        self.step()?;
        self.snapshot = Some(state.snapshot());
        self.step()?;
        self.journal.clear();
        Ok(())
    }

    fn append(&mut self, line: &str) -> Result<(), Killed> {
        if self.step().is_err() {
            // Half of the line is on the disk.
            self.journal.push_str(&line[..line.len() / 2]);
            return Err(Killed);
        }
        self.journal.push_str(line);
        Ok(())
    }

    fn deliver(&mut self, content: u32) {
        *self.folder.entry(content).or_default() += 1;
    }
}

pub fn run(world: &mut World, rules: &SyncRules, receipts: bool) -> Result<(), Killed> {
    world.marked.clear();
    let mut state = match &world.snapshot {
        Some(snapshot) => SyncState::restore(snapshot, &world.journal, |receipt| {
            world.receipts.contains(receipt)
        })
        .unwrap(),
        None => SyncState::new("me"),
    };
    let listing = world.server.iter().zip(1..);
    let listing = listing.map(|((uid, content), number)| Listed {
        number,
        octets: match world.octets_of {
            Some(octets_of) => octets_of(*content),
            None => u64::from(*content) % 3,
        },
        identity: Some(Identity::of_uid(uid)),
    });
    let plan = state.plan(
        listing.collect(),
        ServerPolicy::default(),
        rules,
        world.clock,
    );
    world.save(&mut state)?;
    for one in plan.fetch {
        world.step()?;
        let content = world.server[one.number as usize - 1].1;
        if receipts {
            let place = format!("new/{}.{content}", world.clock);
            let line = state.journal_line(one.number, false, world.clock, Some(&place));
            world.append(&line.unwrap())?;
            world.step()?;
            world.deliver(content);
            world.receipts.insert(place);
            state.delivered(one.number, false, world.clock).unwrap();
        } else {
            world.step()?;
            world.deliver(content);
            state.delivered(one.number, false, world.clock).unwrap();
            let line = state.journal_line(one.number, false, world.clock, None);
            let appended = world.append(&line.unwrap());
            world.died_before_the_journal += usize::from(appended.is_err());
            appended?;
        }
    }
    world.save(&mut state)?;
    for number in state.deletions(rules, world.clock) {
        world.step()?;
        let content = world.server[number as usize - 1].1;
        assert!(world.folder.contains_key(&content), "deleted undelivered");
        world.marked.insert(number);
        state.dele_accepted(number, world.clock).unwrap();
    }
    world.save(&mut state)?;
    world.step()?;
    let mut number = 0;
    world.server.retain(|_| {
        number += 1;
        !world.marked.contains(&number)
    });
    world.step()?;
    state.quit_accepted(world.clock);
    world.save(&mut state)
}
