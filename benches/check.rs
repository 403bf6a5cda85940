//! What `check` costs for each thing that it has to say, from 100 of them in its input to 100,000: the time of one must not
//! depend on how many there are.
//!
//! One run of 100,000 takes seconds, which is long enough to be measured once; criterion would repeat it ten times. So each
//! size is measured as often as fits into a fifth of a second, and the fastest counts. The last column is what to look at:
//! the time of one among 100,000 beside that of one among 1,000. Give a part of a name to run some alone.

#![allow(missing_docs, clippy::print_stdout, reason = "a benchmark may")]

use std::io::{self, Write};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use stsguard::check::{self, Format, Settings};
use stsguard::rule::{Action, Profile};
use stsguard::rules;

use self::input::{Input, Kind};

#[path = "check/input.rs"]
mod input;

const SIZES: [usize; 4] = [100, 1_000, 10_000, 100_000];
/// How long one size is measured, unless a single run takes longer.
const LONG: Duration = Duration::from_millis(200);

fn main() -> Result<()> {
    let wanted = std::env::args().skip(1).find(|argument| !argument.starts_with('-')).unwrap_or_default();
    println!("| One of many | Shown as | 100 µs | 1,000 µs | 10,000 µs | 100,000 µs | 100,000 to 1,000 |");
    println!("| --- | --- | --- | --- | --- | --- | --- |");
    let kinds = input::kinds()?;
    for kind in kinds.iter().filter(|kind| kind.name.contains(&wanted)) {
        for format in [Format::Full, Format::Json].into_iter().take(if kind.in_both { 2 } else { 1 }) {
            row(kind, format)?;
        }
    }
    Ok(())
}

fn row(kind: &Kind, format: Format) -> Result<()> {
    let mut each = [0.0; SIZES.len()];
    for (size, each) in SIZES.into_iter().zip(&mut each) {
        let input = (kind.input)(size)?;
        let mut fastest = Duration::MAX;
        let begin = Instant::now();
        while fastest == Duration::MAX || begin.elapsed() < LONG {
            fastest = fastest.min(measure(kind, &input, size, format)?);
        }
        #[allow(clippy::cast_precision_loss, reason = "a hundred thousand is exact")]
        let count = size as f64;
        *each = fastest.as_secs_f64() * 1e6 / count;
    }
    let [first, second, third, last] = each;
    let ratio = last / second;
    println!("| {} | {format:?} | {first:.1} | {second:.1} | {third:.1} | {last:.1} | {ratio:.2} |", kind.name);
    Ok(())
}

/// Runs one check and makes sure that it said what it is measured for.
fn measure(kind: &Kind, input: &Input, size: usize, format: Format) -> Result<Duration> {
    let (path, text) = match input {
        Input::Text(text) => (PathBuf::from("-"), text.as_bytes()),
        Input::Folder(folder) => (folder.path().to_owned(), &[][..]),
    };
    let settings = Settings {
        paths: vec![path],
        policy: rules::policy(Profile::Recommended),
        namespace: "default".to_owned(),
        format,
        show: Action::Audit,
        fail_on: Action::Deny,
        today: None,
        require_objects: false,
        colour: false,
    };
    let (mut shown, mut told) = (Counted(0), Counted(0));
    let begin = Instant::now();
    check::run(&settings, &mut &*text, &mut shown, &mut told)?;
    let took = begin.elapsed();
    // A benchmark of a check that says something else would be worth nothing.
    let lines = shown.0.max(told.0);
    ensure!(lines >= size, "{}: only {lines} lines are written of {size}", kind.name);
    Ok(took)
}

/// Counts lines and keeps nothing.
struct Counted(usize);

impl Write for Counted {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 += bytes.split(|byte| *byte == b'\n').count() - 1;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
