//! The planner of repeated fetches: a program that is killed at any step, in
//! a mailbox that changes between its runs, loses no message and deletes none
//! that it has not delivered; with receipts it delivers none twice.
#![no_main]

#[path = "../../tests/sync_world/mod.rs"]
mod sync_world;

use std::collections::BTreeSet;

use libfuzzer_sys::fuzz_target;
use popmail::sync::SyncRules;
use sync_world::{World, run};

/// The first octets are the rules, then come the runs: how many steps each may
/// take, and what arrived before it.
fn play(input: &[u8]) -> Option<()> {
    let (&[flags, delete_after, limit], rest) = input.split_first_chunk()?;
    let rules = SyncRules {
        delete_after: (flags & 1 != 0).then_some(u64::from(delete_after)),
        newest_first: flags & 2 != 0,
        most_messages: (flags & 4 != 0).then_some(usize::from(limit % 8)),
        ..SyncRules::default()
    };
    let receipts = flags & 8 != 0;
    let mut world = World {
        // Those of the first run have one size. A uid that is used again for a message
        // of the same size, after a deletion, is told from one that was not
        // deleted by nobody.
        octets_of: Some(|content| u64::from(if content < FIRST { 0 } else { content })),
        ..World::default()
    };
    let mut all = BTreeSet::new();
    let mut arrives = |world: &mut World, octet: u8, first: bool| {
        let content = all.len() as u32 + if first { 0 } else { FIRST };
        // Some messages have their uid together with others, from the first
        // moment or later.
        let uid = if octet % 4 == 0 {
            TWINS[usize::from(octet >> 6)]
        } else {
            UIDS.get(all.len())?
        };
        world.server.push((uid, content));
        all.insert(content);
        Some(())
    };
    for (at, chunk) in rest.chunks(4).take(16).enumerate() {
        let [steps, arrivals @ ..] = chunk else { break };
        for octet in arrivals.iter().filter(|octet| **octet != 0) {
            if arrives(&mut world, *octet, at == 0).is_none() {
                break;
            }
        }
        world.steps_left = usize::from(*steps);
        let _ = run(&mut world, &rules, receipts);
        world.clock += 10;
    }
    let unlimited = SyncRules {
        most_messages: None,
        ..rules
    };
    for _ in 0..3 {
        world.steps_left = usize::MAX;
        assert!(run(&mut world, &unlimited, receipts).is_ok());
        world.clock += 1_000;
    }
    let arrived: BTreeSet<u32> = world.folder.keys().copied().collect();
    assert_eq!(arrived, all, "lost");
    if receipts {
        let twice = world.folder.values().filter(|copies| **copies > 1).count();
        assert_eq!(twice, 0, "delivered twice");
    }
    if unlimited.delete_after.is_some() {
        assert_eq!(world.server, [], "left on the server");
    }
    Some(())
}

fuzz_target!(|input: &[u8]| {
    let _ = play(input);
});

/// At most so many messages are there before the first run.
const FIRST: u32 = 3;
const TWINS: [&str; 4] = ["twin", "other twin", "third twin", "\u{fffd} odd"];
const UIDS: [&str; 24] = [
    "a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l", "m", "n", "o", "p", "q", "r", "s",
    "t", "u", "v", "w", "x",
];
