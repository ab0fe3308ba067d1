//! A timer that learns the time from `handle_timeout` alone.

use std::time::Duration;

/// Runs from the first [`tick`](Self::tick) after it was started.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Timer {
    since: Option<Duration>,
}

impl Timer {
    /// Starts anew at the next tick.
    pub(super) fn restart(&mut self) {
        self.since = None;
    }

    pub(super) fn tick(&mut self, now: Duration) {
        self.since.get_or_insert(now);
    }

    /// What is left of `limit`.
    pub(super) fn left(self, limit: Duration, now: Duration) -> Duration {
        let elapsed = self
            .since
            .map_or(Duration::ZERO, |since| now.saturating_sub(since));
        limit.saturating_sub(elapsed)
    }
}
