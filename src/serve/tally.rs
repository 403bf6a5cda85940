//! How many are doing something now.

use std::sync::atomic::{AtomicUsize, Ordering};

use prometheus_client::metrics::gauge::Gauge;

/// A count that each takes back by itself, also when the peer leaves and the future that waits is dropped.
#[derive(Default)]
pub(super) struct Tally(AtomicUsize);

/// One of a [`Tally`].
pub(super) struct One<'a>(&'a AtomicUsize);

impl Tally {
    /// One more, for as long as what is returned lives.
    pub(super) fn one(&self) -> One<'_> {
        self.0.fetch_add(1, Ordering::AcqRel);
        One(&self.0)
    }

    /// One more, unless there are `most` already.
    pub(super) fn one_of(&self, most: usize) -> Option<One<'_>> {
        let more = |count| (count < most).then_some(count + 1);
        self.0.fetch_update(Ordering::AcqRel, Ordering::Acquire, more).ok().map(|_| One(&self.0))
    }

    /// How many there are.
    pub(super) fn count(&self) -> usize {
        self.0.load(Ordering::Acquire)
    }
}

impl Drop for One<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

/// One of a gauge, for as long as it lives.
pub(super) struct Gauged<'a>(&'a Gauge);

impl<'a> Gauged<'a> {
    /// One more.
    pub(super) fn new(gauge: &'a Gauge) -> Self {
        gauge.inc();
        Self(gauge)
    }
}

impl Drop for Gauged<'_> {
    fn drop(&mut self) {
        self.0.dec();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn never_counts_more_than_may_be() {
        let tally = Tally::default();
        assert!(tally.one_of(0).is_none());
        let first = tally.one_of(1);
        assert!(first.is_some() && tally.one_of(1).is_none());
        drop(first);
        assert!(tally.one_of(1).is_some() && tally.count() == 0);
    }
}
