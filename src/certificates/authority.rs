//! The CA that stsguard keeps for itself, and what is to be done about it next: pure, given what is stored and the time.
//!
//! A CA is exchanged with an overlap. Its successor is published beside it (`next`); only when every webhook entry has
//! shown both for a while, a serving certificate of the successor is made, and the predecessor stays published until its
//! last serving certificate has ended. So at no moment is anything served that an entry's bundle does not verify.

mod life;
mod stored;

pub use life::Lives;
pub use stored::{Malformed, Stored};

use std::time::Duration;

use time::OffsetDateTime;

use super::issue::{self, Signed};
use life::Life;
use stored::{Authority, Leaf, Previous};

/// What a step is decided by, besides what is stored.
#[derive(Debug, Clone, Copy)]
pub struct Moment<'a> {
    /// The wall clock, in seconds since 1970.
    pub now: i64,
    /// The name that the serving certificate must cover.
    pub name: &'a str,
    /// How long things live.
    pub lives: &'a Lives,
    /// Since when every webhook entry of ours has shown the next CA; `None` if one does not.
    pub shown: Option<Duration>,
}

/// Why nothing could be made.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum MakeError {
    /// A name that cannot stand in a certificate, or no randomness.
    #[error("the certificate cannot be made: {0}")]
    Make(#[from] rcgen::Error),
    /// No certificate can say such a time.
    #[error("the clock is at no time that a certificate can hold")]
    Clock,
    /// What was made is not what it should be: a fault of stsguard.
    #[error("the certificate that was made cannot be read back")]
    Unreadable,
}

impl Stored {
    /// A new CA with a serving certificate: nothing usable was stored.
    ///
    /// # Errors
    /// A name that cannot stand in a certificate, or a clock before 1970.
    pub fn new(moment: Moment<'_>) -> Result<Self, MakeError> {
        let authority = authority(moment)?;
        let leaf = leaf(&authority, moment)?;
        Ok(Self { authority, next: None, previous: None, leaf })
    }

    /// What should be stored instead, if anything. One step at a time: what follows is decided when this is stored.
    ///
    /// # Errors
    /// As [`Stored::new`].
    pub fn next_step(&self, moment: Moment<'_>) -> Result<Option<Self>, MakeError> {
        let Moment { now, lives, .. } = moment;
        if !self.authority.life.contains(now) {
            // The API server refuses whatever this CA has signed: there is nothing to overlap with.
            return Self::new(moment).map(Some);
        }
        let mut step = self.clone();
        step.previous = step.previous.filter(|previous| now < previous.until);
        step.next = step.next.filter(|next| next.life.contains(now));
        if let Some(next) = &step.next {
            if moment.shown.is_some_and(|shown| shown >= lives.settle) {
                let until = self.leaf.life.end.min(self.authority.life.end);
                let certificate = self.authority.signed.certificate.clone();
                step.previous = Some(Previous { certificate, until });
                step.leaf = leaf(next, moment)?;
                step.authority = next.clone();
                step.next = None;
                return Ok(Some(step));
            }
        } else if self.authority.life.is_late(now, lives.authority) {
            step.next = Some(authority(moment)?);
        }
        if self.leaf_is_due(moment) {
            step.leaf = leaf(&self.authority, moment)?;
        }
        Ok((step != *self).then_some(step))
    }

    fn leaf_is_due(&self, Moment { now, name, lives, .. }: Moment<'_>) -> bool {
        let leaf = &self.leaf;
        let usable = leaf.life.contains(now) && leaf.covers(name);
        // Near the CA's own end a new certificate would not live longer: that is what the next CA is for.
        let gains = leaf.life.end < self.authority.life.end;
        !usable || !self.authority.has_signed(leaf) || (leaf.life.is_late(now, lives.leaf) && gains)
    }
}

fn authority(Moment { now, lives, .. }: Moment<'_>) -> Result<Authority, MakeError> {
    let end = now.saturating_add(seconds(lives.authority));
    let (signed, _) = issue::authority(time(now)?, time(end)?)?;
    Authority::read(signed).map_err(|()| MakeError::Unreadable)
}

fn leaf(authority: &Authority, Moment { now, name, lives, .. }: Moment<'_>) -> Result<Leaf, MakeError> {
    let end = now.saturating_add(seconds(lives.leaf)).min(authority.life.end);
    let issuer = (authority.name.as_str(), authority.signed.key.as_str());
    let signed: Signed = issue::leaf(issuer, &[name.to_owned()], time(now)?, time(end)?)?;
    Leaf::read(signed).map_err(|()| MakeError::Unreadable)
}

fn seconds(duration: Duration) -> i64 {
    i64::try_from(duration.as_secs()).unwrap_or(i64::MAX)
}

fn time(seconds: i64) -> Result<OffsetDateTime, MakeError> {
    OffsetDateTime::from_unix_timestamp(seconds).map_err(|_| MakeError::Clock)
}

#[cfg(test)]
mod tests;
