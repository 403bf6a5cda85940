//! What is printed: headings, sentences, commands and their output, in lines that fit a terminal.

use std::time::{Duration, Instant};

use anyhow::Result;
use tokio::time::interval;

/// The longest line.
const WIDTH: usize = 96;
/// How long nothing is printed at most.
pub const SILENCE: Duration = Duration::from_secs(5);

/// What comes next.
pub fn heading(text: &str) {
    println!("\n# {text}");
}

/// A sentence of the narrator.
pub fn say(text: &str) {
    wrapped(text, "", "", "");
}

/// A command as somebody would type it.
pub fn command(line: &str) {
    wrapped(line, "$ ", "    ", " \\");
}

/// What a command has printed.
pub fn lines(text: &str) {
    for line in text.lines() {
        wrapped(line, "  ", "    ", "");
    }
}

/// Something that happened so long after a command.
pub fn event(since: Instant, text: &str) {
    println!("  {:>3.0} s  {text}", since.elapsed().as_secs_f64());
}

/// Says what is being done, then from time to time that it is still being done.
pub async fn patiently<T>(what: &str, work: impl Future<Output = Result<T>>) -> Result<T> {
    let begun = Instant::now();
    event(begun, what);
    let mut clock = interval(SILENCE);
    clock.tick().await; // the first is at once
    let mut work = Box::pin(work);
    loop {
        tokio::select! {
            done = &mut work => {
                if done.is_ok() {
                    event(begun, "done");
                }
                return done;
            }
            _ = clock.tick() => event(begun, "…"),
        }
    }
}

/// Breaks a line between words where it is too long; each part but the last ends with `end`.
fn wrapped(line: &str, first: &str, further: &str, end: &str) {
    let mut words = line.split(' ').peekable();
    let mut printed = first.to_owned() + words.next().unwrap_or_default();
    while let Some(word) = words.next() {
        let room = if words.peek().is_some() { end.chars().count() } else { 0 };
        if printed.chars().count() + 1 + word.chars().count() + room > WIDTH {
            println!("{}{end}", printed.trim_end());
            printed = further.to_owned() + word;
        } else {
            printed.push(' ');
            printed.push_str(word);
        }
    }
    println!("{}", printed.trim_end());
}
