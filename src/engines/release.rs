//! Releases in tags, and which of them start on the files of which others.

/// On whose files an engine's releases start.
#[derive(Debug, Clone, Copy)]
pub enum Upgrades {
    /// It is not known, or any on any.
    Unknown,
    /// Each major version on its own alone.
    Never,
    /// Each series on its own and on those of the series before it.
    Stepwise {
        /// The first release of each series, the oldest first. What lies before the first is a series too.
        series: &'static [(u32, u32)],
        /// Whether a series also starts on files of the next one, at least while nobody has told that one otherwise.
        one_back: bool,
    },
}

/// A release as a tag names it: `16`, `8.0`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Release {
    /// The major version.
    pub major: u32,
    /// The minor version, if the tag tells it.
    pub minor: Option<u32>,
}

impl Release {
    /// The release that a tag begins with.
    pub(super) fn parse(tag: &str) -> Option<Self> {
        let mut numbers = tag.strip_prefix('v').unwrap_or(tag).split('.');
        let digits = |text: &str| text[..text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len())].parse().ok();
        let first = numbers.next()?;
        let major = digits(first)?;
        // After `16-alpine3` no number of the release follows.
        let ends = first.bytes().all(|byte| byte.is_ascii_digit());
        Some(Self { major, minor: numbers.next().filter(|_| ends).and_then(digits) })
    }

    /// The places in a list of series that it may have, first and last.
    fn places(self, series: &[(u32, u32)]) -> (usize, usize) {
        let place = |release: (u32, u32)| series.partition_point(|first| *first <= release);
        match self.minor {
            Some(minor) => (place((self.major, minor)), place((self.major, minor))),
            None => (place((self.major, 0)), place((self.major, u32::MAX))),
        }
    }
}

impl std::fmt::Display for Release {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.minor {
            Some(minor) => write!(f, "{}.{minor}", self.major),
            None => write!(f, "{}", self.major),
        }
    }
}

impl Upgrades {
    /// Whether `new` surely does not start on files that `old` wrote.
    pub(super) fn refuse(self, old: Release, new: Release) -> bool {
        match self {
            Self::Unknown => false,
            Self::Never => old.major != new.major,
            Self::Stepwise { series, one_back } => {
                let ((old_first, old_last), (new_first, new_last)) = (old.places(series), new.places(series));
                new_first > old_last + 1 || old_first > new_last + usize::from(one_back)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn release(tag: &str) -> Release {
        Release::parse(tag).expect("a release")
    }

    #[test]
    fn reads_what_a_tag_begins_with() {
        let read = |tag: &str| Release::parse(tag).map(|release| release.to_string());
        for (tag, expected) in [
            ("16", "16"),
            ("8.0.36-debian", "8.0"),
            ("v24.1.0", "24.1"),
            ("9-alpine3.20", "9"),
            ("5.7-oracle", "5.7"),
            ("8.", "8"),
            ("7.x", "7"),
        ] {
            assert_eq!(read(tag).as_deref(), Some(expected), "{tag}");
        }
        for tag in ["latest", "", "pg16", "99999999999"] {
            assert_eq!(read(tag), None, "{tag}");
        }
    }

    #[test]
    fn never_means_any_other_major() {
        let refuse = |old: &str, new: &str| Upgrades::Never.refuse(release(old), release(new));
        assert!(refuse("16", "17") && refuse("17", "16") && refuse("12.3", "17"));
        assert!(!refuse("16.1", "16.4") && !refuse("16", "16.4"));
        assert!(!Upgrades::Unknown.refuse(release("1"), release("9")));
    }

    #[test]
    fn stepwise_goes_one_series_up_and_perhaps_one_back() {
        let series = &[(5, 7), (8, 0), (8, 4), (9, 0)];
        let refuse =
            |old: &str, new: &str| Upgrades::Stepwise { series, one_back: false }.refuse(release(old), release(new));
        for (old, new) in
            [("5.7", "8.0"), ("8.0", "8.4"), ("8.3.0", "8.4"), ("8.4", "9.4"), ("9.1", "9.4"), ("5.6", "5.7")]
        {
            assert!(!refuse(old, new) && (refuse(new, old) || new == "9.4"), "{old} {new}");
        }
        assert!(refuse("5.7", "8.4") && refuse("8.0", "9.0") && refuse("5.6", "8.0") && refuse("5", "9"));
        // `8` may be 8.0 or 8.4.
        assert!(!refuse("8", "9") && !refuse("5.7", "8") && !refuse("8", "8.0") && refuse("9", "8"));
        let back =
            |old: &str, new: &str| Upgrades::Stepwise { series, one_back: true }.refuse(release(old), release(new));
        assert!(!back("8.4", "8.0") && back("9.0", "8.0") && back("8.0", "9.0") && !back("9", "8"));
    }
}
