//! A mailbox is fetched by a program that is killed at every step there is,
//! and started again until nothing is left to do.
#![cfg(feature = "sync")]
#![allow(clippy::unwrap_used, clippy::indexing_slicing, missing_docs)]

use std::collections::{BTreeMap, BTreeSet};

use popmail::sync::{Identity, Listed, ServerPolicy, SyncRules, SyncState};

/// The run was killed.
struct Killed;

/// What outlives a run: the server's mailbox, the disk, and how many steps
/// the present run may take.
#[derive(Default)]
struct World {
    /// `(uid, content)`; the content is unique, uids need not be.
    server: Vec<(&'static str, u32)>,
    marked: BTreeSet<u32>,
    folder: BTreeMap<u32, usize>,
    receipts: BTreeSet<String>,
    snapshot: Option<String>,
    journal: String,
    steps_left: usize,
    clock: u64,
    /// Deliveries that came twice: between delivery and journal the run died.
    died_before_the_journal: usize,
}

impl World {
    fn step(&mut self) -> Result<(), Killed> {
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

fn run(world: &mut World, rules: &SyncRules, receipts: bool) -> Result<(), Killed> {
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
        octets: u64::from(*content) % 3,
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

const MAILBOX: [(&str, u32); 6] = [
    ("a", 10),
    ("twin", 20),
    ("b", 30),
    ("twin", 23),
    ("c", 41),
    ("twin", 26),
];

#[test]
fn a_run_that_is_killed_at_any_step_loses_nothing_and_repeats_little() {
    for delete_after in [None, Some(0), Some(40)] {
        for (receipts, newest_first) in [(true, false), (true, true), (false, false), (false, true)]
        {
            let rules = SyncRules {
                delete_after,
                newest_first,
                ..SyncRules::default()
            };
            for first in 0..80 {
                for second in [0, 1, 7, 20, first, 200] {
                    killed_and_started_again(&rules, receipts, &[first, second]);
                }
            }
        }
    }
}

#[test]
fn runs_that_are_always_killed_a_little_later_arrive() {
    for receipts in [true, false] {
        let rules = SyncRules {
            delete_after: Some(0),
            ..SyncRules::default()
        };
        killed_and_started_again(&rules, receipts, &(0..60).collect::<Vec<_>>());
    }
}

fn killed_and_started_again(rules: &SyncRules, receipts: bool, kills: &[usize]) {
    let mut world = World {
        server: MAILBOX.to_vec(),
        ..World::default()
    };
    for steps in kills {
        world.steps_left = *steps;
        let _ = run(&mut world, rules, receipts);
        let present: BTreeSet<u32> = world.server.iter().map(|(_, content)| *content).collect();
        for (_, content) in MAILBOX {
            let safe = present.contains(&content) || world.folder.contains_key(&content);
            assert!(safe, "{content} is nowhere, killed after {kills:?}");
        }
    }
    for _ in 0..2 {
        world.steps_left = usize::MAX;
        assert!(run(&mut world, rules, receipts).is_ok());
        world.clock += 100;
    }
    let copies: usize = world.folder.values().sum();
    assert_eq!(world.folder.len(), MAILBOX.len(), "killed after {kills:?}");
    assert_eq!(
        copies,
        MAILBOX.len() + world.died_before_the_journal,
        "killed after {kills:?}, receipts: {receipts}"
    );
    let left = if rules.delete_after.is_some() {
        0
    } else {
        MAILBOX.len()
    };
    assert_eq!(world.server.len(), left, "killed after {kills:?}");
}
