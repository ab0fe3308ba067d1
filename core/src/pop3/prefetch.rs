//! How far iteration asks ahead of its reader.
//!
//! The rule guarded here: a reader that stops in the middle, or works long on
//! one message, holds back a bounded number of octets, while the link stays
//! full for one that keeps up.

use std::collections::VecDeque;

/// Decides which message to ask for next, from their sizes.
#[derive(Debug, Clone)]
pub struct Prefetch {
    waiting: VecDeque<(u32, u64)>,
    asked: VecDeque<u64>,
    asked_octets: u64,
    most_octets: u64,
    most_messages: usize,
}

impl Prefetch {
    /// Plans to fetch `(number, octets)` in this order, with at most
    /// `most_octets` and `most_messages` asked for and not yet handed out. One
    /// message is always allowed. Sizes are hints: a wrong one costs memory or
    /// time, nothing else.
    pub fn new(
        messages: impl IntoIterator<Item = (u32, u64)>,
        most_octets: u64,
        most_messages: usize,
    ) -> Self {
        Self {
            waiting: messages.into_iter().collect(),
            asked: VecDeque::new(),
            asked_octets: 0,
            most_octets,
            most_messages: most_messages.max(1),
        }
    }

    /// The number to ask for now, `None` if enough is under way or all is
    /// asked for.
    pub fn ask(&mut self) -> Option<u32> {
        let (number, octets) = *self.waiting.front()?;
        let full = self.asked.len() >= self.most_messages
            || self.asked_octets.saturating_add(octets) > self.most_octets;
        if full && !self.asked.is_empty() {
            return None;
        }
        self.waiting.pop_front();
        self.asked.push_back(octets);
        self.asked_octets = self.asked_octets.saturating_add(octets);
        Some(number)
    }

    /// Notes that the oldest message asked for was handed out or refused.
    pub fn handed_out(&mut self) {
        if let Some(octets) = self.asked.pop_front() {
            self.asked_octets = self.asked_octets.saturating_sub(octets);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask_all(prefetch: &mut Prefetch) -> Vec<u32> {
        std::iter::from_fn(|| prefetch.ask()).collect()
    }

    #[test]
    fn messages_are_asked_for_up_to_the_octets() {
        let mut prefetch = Prefetch::new([(1, 40), (2, 40), (5, 40), (6, 40)], 100, 10);
        assert_eq!(ask_all(&mut prefetch), [1, 2]);
        prefetch.handed_out();
        assert_eq!(ask_all(&mut prefetch), [5]);
    }

    #[test]
    fn one_message_is_asked_for_however_large() {
        let mut prefetch = Prefetch::new([(1, u64::MAX), (2, u64::MAX)], 100, 10);
        assert_eq!(ask_all(&mut prefetch), [1]);
        prefetch.handed_out();
        assert_eq!(ask_all(&mut prefetch), [2]);
        prefetch.handed_out();
        prefetch.handed_out();
        assert_eq!(prefetch.ask(), None);
    }

    #[test]
    fn messages_are_asked_for_up_to_their_number() {
        let mut prefetch = Prefetch::new((1..=9).map(|number| (number, 0)), 100, 3);
        assert_eq!(ask_all(&mut prefetch), [1, 2, 3]);
    }
}
