//! A mailbox is fetched by a program that is killed at every step there is,
//! and started again until nothing is left to do.
#![cfg(feature = "sync")]
#![allow(clippy::unwrap_used, clippy::indexing_slicing, missing_docs)]

mod sync_world;

use std::collections::BTreeSet;

use popmail::sync::SyncRules;

use sync_world::{World, run};

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
