//! How often a replica may write.

use std::time::Duration;

use tokio::time::Instant;

/// How many writes may follow each other at once.
const BURST: u32 = 20;

/// Holds back who writes again and again: somebody else writes the same, or lives by another clock.
pub(super) struct Pace {
    /// In how much time one more write becomes free.
    each: Duration,
    /// When all of them will be free again.
    free: Instant,
}

impl Pace {
    /// As many writes in each span of this length as may follow each other at once.
    pub(super) fn new(span: Duration, now: Instant) -> Self {
        Self { each: span / BURST, free: now }
    }

    /// Counts a write.
    pub(super) fn spend(&mut self, now: Instant) {
        self.free = self.free.max(now) + self.each;
    }

    /// How long to wait before the next one.
    pub(super) fn rest(&self, now: Instant) -> Duration {
        (self.free + self.each).saturating_duration_since(now + self.each * BURST)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_is_free_and_what_follows_is_spread() {
        let mut now = Instant::now();
        let mut pace = Pace::new(Duration::from_secs(60), now);
        for _ in 0..BURST {
            assert_eq!(pace.rest(now), Duration::ZERO);
            pace.spend(now);
        }
        assert_eq!(pace.rest(now), Duration::from_secs(3));
        now += Duration::from_secs(3);
        assert_eq!(pace.rest(now), Duration::ZERO);
        pace.spend(now);
        assert_eq!(pace.rest(now), Duration::from_secs(3));
        now += Duration::from_secs(600);
        pace.spend(now);
        assert_eq!(pace.rest(now), Duration::ZERO);
    }
}
