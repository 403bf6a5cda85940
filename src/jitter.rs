//! Times that differ, so that what happens to many at once does not happen to all of them at once again.

use std::hash::{BuildHasher as _, RandomState};
use std::time::Duration;

/// A time between half of `longest` and all of it, another one with each call.
pub fn jitter(longest: Duration) -> Duration {
    // The keys of a RandomState come from the system and differ each time, which is random enough to spread load.
    let random = u32::try_from(RandomState::new().hash_one(()) >> 32).unwrap_or_default();
    longest.mul_f64(0.5 + f64::from(random) / f64::from(u32::MAX) / 2.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spreads_over_the_upper_half() {
        let times: Vec<_> = (0..1000).map(|_| jitter(Duration::from_secs(8)).as_secs_f64()).collect();
        assert!(times.iter().all(|time| (4.0..=8.0).contains(time)), "{times:?}");
        for quarter in [4.0, 5.0, 6.0, 7.0] {
            let count = times.iter().filter(|time| (quarter..quarter + 1.0).contains(*time)).count();
            assert!((150..350).contains(&count), "{quarter}: {count}");
        }
    }
}
